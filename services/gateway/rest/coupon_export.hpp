// All coupons of a campaign as a stream of CSV, page by page: the next page is read from the store when the client has
// taken nearly all of the last one, so an export holds one page of memory however many coupons there are, and no thread
// of the pool while its client is slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <openrun/base/ids.hpp>
#include <openrun/ports/http.hpp>

#include "gateway/parts.hpp"
#include "gateway/waits/seats.hpp"

namespace openrun::gateway {

// Lives on one I/O thread; dropped with its stream where the client goes. Shows every coupon once, in order, each as it
// was when its page was read; those that are issued meanwhile too.
class CouponExport : public std::enable_shared_from_this<CouponExport> {
 public:
  static constexpr std::size_t page_rows = 5'000;
  // A page of the longest user ids has about 2 MB.
  static constexpr std::size_t unsent_bytes_max = 256 * 1024;
  // A store that takes no questions for that long ends the export.
  static constexpr int retries_max = 30;
  static constexpr std::int64_t retry_ms = 1'000;

  struct Range {
    CampaignId campaign;
    Sequence after;
    std::uint64_t rows_max = 0;
  };
  CouponExport(Parts& parts, ports::IoThread& io, Range range, std::shared_ptr<ports::HttpReply> reply, Seat seat);

  // Answers with a problem where the first page cannot be read; a failure behind it breaks the stream off.
  void read_page();

 private:
  struct Page {
    std::string text;
    std::size_t rows = 0;
    Sequence last;
  };
  void asked_too_much();
  void send_page(const Result<Page>& page);
  void fail_with(Error::Kind kind);

  Parts& parts_;
  ports::IoThread& io_;
  Range range_;
  std::shared_ptr<ports::HttpReply> reply_;  // until the head is sent
  std::shared_ptr<ports::HttpStream> stream_;
  Seat seat_;
  int retries_ = 0;
};

}  // namespace openrun::gateway
