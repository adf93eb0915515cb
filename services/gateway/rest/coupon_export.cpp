#include "gateway/rest/coupon_export.hpp"

#include <algorithm>
#include <utility>

#include "gateway/rest/csv.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

CouponExport::CouponExport(Parts& parts, ports::IoThread& io, Range range, std::shared_ptr<ports::HttpReply> reply,
                           Seat seat)
    : parts_(parts), io_(io), range_(range), reply_(std::move(reply)), seat_(std::move(seat)) {}

void CouponExport::read_page() {
  if (stream_ && stream_->abandoned()) return;
  const auto rows_max = static_cast<std::size_t>(std::min<std::uint64_t>(range_.rows_max, page_rows));
  const bool accepted = parts_.pool.submit([self = shared_from_this(), rows_max](ports::GatewayStore& store) {
    auto page = [&]() -> Result<Page> {
      const auto coupons = store.coupons_of_campaign(self->range_.campaign, self->range_.after, rows_max);
      if (!coupons) return std::unexpected(coupons.error());
      Page made;
      made.rows = coupons->size();
      const Timestamp now = self->parts_.clock.now();
      for (const ports::Coupon& coupon : *coupons) append_csv_coupon(made.text, coupon, now);
      if (!coupons->empty()) made.last = coupons->back().sequence;
      return made;
    }();
    self->io_.post([self, page = std::move(page)] { self->send_page(page); });
  });
  if (!accepted) asked_too_much();
}

void CouponExport::asked_too_much() {
  if (!stream_ || ++retries_ > retries_max) return fail_with(Error::Kind::overloaded);
  io_.after(retry_ms, [self = shared_from_this()] { self->read_page(); });
}

void CouponExport::send_page(const Result<Page>& page) {
  if (!page) return fail_with(page.error().kind);
  retries_ = 0;
  if (!stream_) {
    ports::HttpResponse head;
    head.content_type = csv_type;
    head.headers.emplace_back("Content-Disposition", "attachment; filename=\"campaign-" +
                                                         std::to_string(range_.campaign.value) + "-coupons.csv\"");
    no_store(head);
    stream_ = std::exchange(reply_, nullptr)->stream(std::move(head));
    stream_->write(csv_coupon_header);
  }
  stream_->write(page->text);
  range_.rows_max -= page->rows;
  range_.after = page->last;
  if (page->rows < page_rows || range_.rows_max == 0) return stream_->finish();
  stream_->when_unsent_below(unsent_bytes_max, [self = shared_from_this()] { self->read_page(); });
}

void CouponExport::fail_with(Error::Kind kind) {
  if (!stream_) return reply_->send(unavailable(kind));
  parts_.logger.warning(
      "an export of coupons was broken off: the store did not answer",
      {{"campaign", std::int64_t{range_.campaign.value}}, {"after_sequence", std::int64_t{range_.after.value}}});
  stream_.reset();
}

}  // namespace openrun::gateway
