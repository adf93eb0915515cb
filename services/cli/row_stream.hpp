// Rows that come in pages, looked at one by one: what is kept is one page. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/audit_rows.hpp>

namespace openrun::cli {

template <class Row>
class RowStream {
 public:
  using Fetch = std::function<Result<std::vector<Row>>()>;  // an empty page is the end
  explicit RowStream(Fetch fetch) : fetch_(std::move(fetch)) {}

  // The row that stands next, null at the end; valid until pop().
  [[nodiscard]] Result<const Row*> peek() {
    if (at_ == page_.size() && !ended_) {
      auto page = fetch_();
      if (!page) return std::unexpected(std::move(page.error()));
      page_ = std::move(*page);
      at_ = 0;
      ended_ = page_.empty();
    }
    return at_ < page_.size() ? &page_[at_] : nullptr;
  }
  void pop() { ++at_; }

  // Takes the rows as long as `belongs` and gives each to `take`.
  template <class Belongs, class Take>
  [[nodiscard]] Result<void> take_while(Belongs&& belongs, Take&& take) {
    while (true) {
      const auto row = peek();
      if (!row) return std::unexpected(row.error());
      if (*row == nullptr || !belongs(**row)) return {};
      take(**row);
      pop();
    }
  }

 private:
  Fetch fetch_;
  std::vector<Row> page_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// The four walks over a partition that AuditRows::open() began. `rows` must outlive them.
struct RowStreams {
  explicit RowStreams(ports::AuditRows& rows)
      : coupons([&rows] { return rows.next_coupons(); }),
        commands([&rows] { return rows.next_commands(); }),
        dead_letters([&rows] { return rows.next_dead_letters(); }),
        outbox([&rows] { return rows.next_outbox_rows(); }) {}

  RowStream<ports::StoredCoupon> coupons;
  RowStream<ports::CommandRow> commands;
  RowStream<ports::StoredDeadLetter> dead_letters;
  RowStream<ports::StoredOutboxRow> outbox;
};

}  // namespace openrun::cli
