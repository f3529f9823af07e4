// A function to call later: object pointer + static function. Never allocates, trivially copied.
#pragma once

#include <utility>

namespace pingap {

template <class Signature>
class Callback;

template <class R, class... Args>
class Callback<R(Args...)> {
 public:
  constexpr Callback() noexcept = default;

  // Calls object->Method(args...); the object must outlive the callback.
  template <auto Method, class T>
  static constexpr Callback of(T* object) noexcept {
    Callback callback;
    callback.object_ = object;
    callback.function_ = [](void* self, Args... args) noexcept -> R {
      return (static_cast<T*>(self)->*Method)(std::forward<Args>(args)...);
    };
    return callback;
  }

  explicit operator bool() const noexcept { return function_ != nullptr; }

  R operator()(Args... args) const noexcept {
    return function_(object_, std::forward<Args>(args)...);
  }

 private:
  void* object_ = nullptr;
  R (*function_)(void*, Args...) noexcept = nullptr;
};

}  // namespace pingap
