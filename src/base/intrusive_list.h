// A doubly linked list whose links are members of the elements: no allocation, and an element
// takes itself out when it is destroyed. Not thread-safe.
#pragma once

namespace pingap {

// Base of what can be in a list; Tag tells the lists of one element apart.
template <class Tag>
class ListHook {
 public:
  ListHook() noexcept = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;

  ~ListHook() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }

  void unlink() noexcept {
    if (next_ != nullptr) {
      previous_->next_ = next_;
      next_->previous_ = previous_;
      next_ = nullptr;
      previous_ = nullptr;
    }
  }

 private:
  template <class T, class U>
  friend class IntrusiveList;

  ListHook* next_ = nullptr;
  ListHook* previous_ = nullptr;
};

template <class T, class Tag>
class IntrusiveList {
 public:
  IntrusiveList() noexcept {
    root_.next_ = &root_;
    root_.previous_ = &root_;
  }

  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  ~IntrusiveList() {
    while (!empty()) {
      root_.next_->unlink();
    }
    root_.next_ = nullptr;  // so that the root's own destructor does nothing
  }

  bool empty() const noexcept { return root_.next_ == &root_; }  // NOLINT(clang-analyzer-*)

  // Elements take themselves out when they are destroyed, which the analyzer does not see.
  T* front() noexcept {
    return empty() ? nullptr : static_cast<T*>(root_.next_);  // NOLINT(clang-analyzer-*)
  }

  T* back() noexcept { return empty() ? nullptr : static_cast<T*>(root_.previous_); }

  // The element behind `element`, which must be in this list; null at the end.
  T* next(T& element) noexcept {
    ListHook<Tag>* following = static_cast<ListHook<Tag>&>(element).next_;
    return following == &root_ ? nullptr : static_cast<T*>(following);
  }

  void push_front(T& element) noexcept { insert(root_.next_, element); }

  void push_back(T& element) noexcept { insert(&root_, element); }

  T* pop_front() noexcept {
    T* element = front();
    if (element != nullptr) {
      static_cast<ListHook<Tag>*>(element)->unlink();
    }
    return element;
  }

  // Moves every element of `other` to our end.
  void splice_back(IntrusiveList& other) noexcept {
    if (other.empty()) {
      return;
    }
    ListHook<Tag>* first = other.root_.next_;
    ListHook<Tag>* last = other.root_.previous_;
    other.root_.next_ = &other.root_;
    other.root_.previous_ = &other.root_;
    first->previous_ = root_.previous_;
    root_.previous_->next_ = first;
    last->next_ = &root_;
    root_.previous_ = last;
  }

 private:
  void insert(ListHook<Tag>* before, T& element) noexcept {
    ListHook<Tag>* hook = &element;
    hook->previous_ = before->previous_;
    hook->next_ = before;
    before->previous_->next_ = hook;
    before->previous_ = hook;
  }

  ListHook<Tag> root_;
};

}  // namespace pingap
