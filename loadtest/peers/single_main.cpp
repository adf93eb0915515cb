// The strongest simple design: one process that decides in memory and group-commits straight into Postgres. No log, no
// failover. A batch forms while the one before commits, on two connections in turn; users are answered after the
// commit. openrun-bench-single PORT STOCK POSTGRES_URL
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <time.h>

#include "http_server.hpp"
#include "row_writer.hpp"

namespace openrun::peers {
namespace {

constexpr std::size_t writers_count = 2;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

std::int64_t since_2000_us() {
  constexpr std::int64_t between_s = 946'684'800;  // 1970 to 2000, where Postgres begins to count
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return (now.tv_sec - between_s) * 1'000'000LL + now.tv_nsec / 1'000;
}

class Single {
 public:
  Single(std::uint16_t port, std::uint64_t stock, const std::string& url)
      : stock_(stock), server_(port, stock, [this](Token token, std::string_view user) { decide(token, user); }) {
    users_.reserve(std::min<std::uint64_t>(stock, 10'000'000));
    for (std::size_t i = 0; i < writers_count; ++i) {
      lanes_.emplace_back(url);
      server_.watch(lanes_[i].writer.descriptor(), false, [this, i](std::uint32_t /*events*/) {
        if (lanes_[i].writer.on_ready()) tell(lanes_[i]);
      });
    }
  }

  void run() {
    server_.run([this] { commit(); });
  }

 private:
  struct Promise {
    Token token;
    std::uint64_t sequence;
  };
  struct Lane {
    explicit Lane(const std::string& url) : writer(url) {}
    RowWriter writer;
    std::vector<Promise> promises;  // of the batch that commits
  };

  void decide(Token token, std::string_view user) {
    if (const auto found = users_.find(user); found != users_.end()) {
      const std::uint64_t sequence = found->second;
      if (is_committed_[sequence - 1]) {
        server_.already_issued(token, sequence);
      } else {
        repeats_.emplace(sequence, token);
      }
      return;
    }
    if (users_.size() >= stock_) {
      server_.sold_out(token);
      return;
    }
    const std::uint64_t sequence = users_.size() + 1;
    users_.emplace(user, sequence);
    is_committed_.push_back(false);
    batch_.add(sequence, user, code_of(sequence), since_2000_us());
    promises_.push_back({token, sequence});
  }

  void commit() {
    for (Lane& lane : lanes_) {
      if (!batch_.is_empty() && lane.writer.is_ready()) {
        lane.writer.write(batch_);
        lane.promises.swap(promises_);
        batch_.clear();
      }
      server_.watch(lane.writer.descriptor(), lane.writer.wants_write(), nullptr);
    }
  }

  void tell(Lane& lane) {
    committed_ += lane.promises.size();
    server_.set_issued(committed_);
    for (const Promise& promise : lane.promises) {
      is_committed_[promise.sequence - 1] = true;
      server_.issued(promise.token, promise.sequence);
      if (repeats_.empty()) continue;
      const auto [first, last] = repeats_.equal_range(promise.sequence);
      for (auto repeat = first; repeat != last; ++repeat) server_.already_issued(repeat->second, promise.sequence);
      repeats_.erase(first, last);
    }
    lane.promises.clear();
  }

  std::uint64_t stock_;
  HttpServer server_;
  std::deque<Lane> lanes_;
  RowBatch batch_;
  std::vector<Promise> promises_;
  std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>> users_;
  std::vector<bool> is_committed_;
  std::unordered_multimap<std::uint64_t, Token> repeats_;  // who asked again before the commit
  std::uint64_t committed_ = 0;
};

}  // namespace
}  // namespace openrun::peers

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: openrun-bench-single PORT STOCK POSTGRES_URL\n");
    return 2;
  }
  try {
    openrun::peers::RowWriter::make_table(argv[3]);
    {
      openrun::peers::Single single(static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoull(argv[2], nullptr, 10),
                                    argv[3]);
      single.run();
    }
    openrun::peers::RowWriter::drop_table(argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "openrun-bench-single: %s\n", error.what());
    return 1;
  }
  return 0;
}
