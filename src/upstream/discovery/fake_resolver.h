// For tests: a resolver whose answers are given by hand.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "upstream/discovery/resolver.h"

namespace pingap::upstream {

class FakeResolver final : public Resolver {
 public:
  struct Asked {
    std::string name;
    Family family = Family::any;
    bool service = false;
    std::weak_ptr<const void> question;
    std::function<void(AddressAnswer)> addresses;
    std::function<void(ServiceAnswer)> services;
  };

  Question find_addresses(const std::string& name, Family family,
                          std::function<void(AddressAnswer)> answer) override {
    auto question = std::make_shared<const char>();
    asked.push_back({name, family, false, question, std::move(answer), {}});
    return question;
  }

  Question find_services(const std::string& name,
                         std::function<void(ServiceAnswer)> answer) override {
    auto question = std::make_shared<const char>();
    asked.push_back({name, Family::any, true, question, {}, std::move(answer)});
    return question;
  }

  // Answers the question that has waited for the longest.
  void answer(AddressAnswer with) {
    const Asked one = take();
    if (const auto wanted = one.question.lock()) {
      one.addresses(std::move(with));
    }
  }

  void answer(ServiceAnswer with) {
    const Asked one = take();
    if (const auto wanted = one.question.lock()) {
      one.services(std::move(with));
    }
  }

  std::deque<Asked> asked;

 private:
  Asked take() {
    Asked one = std::move(asked.front());
    asked.pop_front();
    return one;
  }
};

inline AddressAnswer found(std::initializer_list<const char*> addresses, int ttl = 60) {
  AddressAnswer answer;
  answer.outcome = Verdict::found;
  for (const char* one : addresses) {
    answer.addresses.push_back(*IpAddress::parse(one));
  }
  answer.ttl = std::chrono::seconds(ttl);
  return answer;
}

inline AddressAnswer not_found(Verdict outcome) {
  AddressAnswer answer;
  answer.outcome = outcome;
  answer.why = outcome == Verdict::gone ? "Domain name not found" : "Timeout";
  return answer;
}

inline ServiceAnswer services(std::vector<Service> records, int ttl = 60) {
  return {Verdict::found, {}, std::move(records), std::chrono::seconds(ttl)};
}

}  // namespace pingap::upstream
