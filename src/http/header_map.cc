#include "http/header_map.h"

#include <algorithm>
#include <limits>

#include "base/arena.h"
#include "base/strings.h"

namespace pingap::http {
namespace {

constexpr size_t kMaxName = std::numeric_limits<uint16_t>::max();
constexpr size_t kMaxValue = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kFirstGrowth = 16;

// Matches fields that are there and have one id.
struct ById {
  HeaderId id;

  bool operator()(const Field& field) const noexcept { return field.id == id && !field.removed(); }
};

// Matches fields that are there and have one name without an id.
struct ByName {
  std::string_view name;

  bool operator()(const Field& field) const noexcept {
    return field.id == HeaderId::other && !field.removed() && iequals(field.name(), name);
  }
};

template <class Match>
Field* find_first(std::span<Field> fields, const Match& match) noexcept {
  for (Field& field : fields) {
    if (match(field)) {
      return &field;
    }
  }
  return nullptr;
}

template <class Match>
void remove_all(std::span<Field> fields, const Match& match) noexcept {
  for (Field& field : fields) {
    if (match(field)) {
      field.remove();
    }
  }
}

}  // namespace

HeaderMap HeaderMap::copy(const HeaderMap& source, Arena& arena, size_t spare) noexcept {
  HeaderMap map;
  map.arena_ = &arena;
  map.capacity_ = static_cast<uint32_t>(source.size() + spare);
  map.fields_ = arena.make_array<Field>(map.capacity_);
  for (const Field& field : source.fields()) {
    if (!field.removed()) {
      map.fields_[map.size_++] = field;
    }
  }
  return map;
}

bool HeaderMap::grow() noexcept {
  if (arena_ == nullptr) {
    return false;
  }
  const uint32_t capacity = std::max(capacity_ * 2, kFirstGrowth);
  Field* fields = arena_->make_array<Field>(capacity);
  std::copy_n(fields_, size_, fields);
  fields_ = fields;
  capacity_ = capacity;
  return true;
}

bool HeaderMap::add(std::string_view name, std::string_view value) noexcept {
  if (name.size() > kMaxName || value.size() > kMaxValue) {
    return false;
  }
  return add(Field{name.data(), value.data(), static_cast<uint32_t>(value.size()),
                   static_cast<uint16_t>(name.size()), find_header_id(name), 0});
}

bool HeaderMap::add(HeaderId id, std::string_view value) noexcept {
  if (value.size() > kMaxValue) {
    return false;
  }
  const std::string_view name = header_name(id);
  return add(Field{name.data(), value.data(), static_cast<uint32_t>(value.size()),
                   static_cast<uint16_t>(name.size()), id, 0});
}

Field* HeaderMap::find(HeaderId id) noexcept {
  return find_first(fields(), ById{id});
}

Field* HeaderMap::find(std::string_view name) noexcept {
  const HeaderId id = find_header_id(name);
  return id == HeaderId::other ? find_first(fields(), ByName{name}) : find(id);
}

const Field* HeaderMap::find(HeaderId id) const noexcept {
  return find_first({fields_, size_}, ById{id});
}

const Field* HeaderMap::find(std::string_view name) const noexcept {
  const HeaderId id = find_header_id(name);
  return id == HeaderId::other ? find_first({fields_, size_}, ByName{name}) : find(id);
}

std::string_view HeaderMap::get(HeaderId id) const noexcept {
  const Field* field = find(id);
  return field == nullptr ? std::string_view{} : field->value();
}

std::string_view HeaderMap::get(std::string_view name) const noexcept {
  const Field* field = find(name);
  return field == nullptr ? std::string_view{} : field->value();
}

void HeaderMap::remove(HeaderId id) noexcept {
  remove_all(fields(), ById{id});
}

void HeaderMap::remove(std::string_view name) noexcept {
  const HeaderId id = find_header_id(name);
  if (id != HeaderId::other) {
    remove(id);
    return;
  }
  remove_all(fields(), ByName{name});
}

bool HeaderMap::set(HeaderId id, std::string_view value) noexcept {
  remove(id);
  return add(id, value);
}

bool HeaderMap::set(std::string_view name, std::string_view value) noexcept {
  remove(name);
  return add(name, value);
}

}  // namespace pingap::http
