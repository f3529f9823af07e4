#include "control/requests_view.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/strings.h"

namespace pingap::control {

// Workers have a weak reference: a message may be under way when nobody wants it any more.
class RequestsView::Question : public std::enable_shared_from_this<Question> {
 public:
  Question(RequestsView& owner, size_t most, Done done)
      : owner_(owner), most_(most), done_(std::move(done)), waits_for_(owner.server_.workers()) {
    for (size_t i = 0; i < waits_for_.size(); ++i) {
      waits_for_[i] = i;
    }
  }

  void ask() {
    owner_.loop_.arm(timer_, owner_.patience_);
    owner_.server_.tell_workers(
        [self = weak_from_this(), &control = owner_.loop_, most = most_](proxy::Worker& worker) {
          auto found = std::make_shared<proxy::UnderWayReport>(worker.under_way().report(most));
          control.post([self, found, index = worker.index()] {
            if (const auto question = self.lock()) {
              question->take(index, std::move(*found));
            }
          });
        });
  }

 private:
  void take(size_t worker, proxy::UnderWayReport found) {
    std::erase(waits_for_, worker);
    proxy::merge(report_.found, std::move(found), most_);
    if (waits_for_.empty()) {
      finish();
    }
  }

  void on_timer() noexcept {
    try {
      finish();
    } catch (const std::exception&) {
      PINGAP_LOG(error, "no memory to tell of the requests under way");  // the process goes on
    }
  }

  void finish() {
    timer_.cancel();
    const auto self = shared_from_this();  // to the end of this
    owner_.forget(*this);
    report_.silent = std::move(waits_for_);
    done_(report_);
  }

  RequestsView& owner_;
  const size_t most_;
  const Done done_;
  std::vector<size_t> waits_for_;  // numbers of workers
  RequestsReport report_;
  net::Timer timer_{Callback<void()>::of<&Question::on_timer>(this)};
};

std::optional<size_t> RequestsView::parse_most(std::string_view text) noexcept {
  if (text.empty()) {
    return kUsual;
  }
  const auto most = parse_decimal(text);
  return most && *most > 0 && *most <= kMost ? most : std::nullopt;
}

void RequestsView::ask(size_t most, Done done) {
  questions_.push_back(std::make_shared<Question>(*this, most, std::move(done)));
  questions_.back()->ask();
}

void RequestsView::forget(const Question& question) noexcept {
  std::erase_if(questions_, [&](const auto& one) { return one.get() == &question; });
}

}  // namespace pingap::control
