#include "gateway/testing/fakes.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace openrun::gateway::testing {

void FakeIoThread::post(std::function<void()> work) {
  std::function<void()> afterwards;
  {
    std::lock_guard lock(mutex_);
    ++posts_;
    posted_.push_back(std::move(work));
    afterwards = after_post_;
  }
  if (afterwards) afterwards();
}

void FakeIoThread::set_after_post(std::function<void()> call) {
  std::lock_guard lock(mutex_);
  after_post_ = std::move(call);
}

void FakeIoThread::after(std::int64_t delay_ms, std::function<void()> work) {
  std::lock_guard lock(mutex_);
  timed_.emplace(clock_.monotonic_us() + delay_ms * 1'000, std::move(work));
}

std::function<void()> FakeIoThread::take() {
  std::lock_guard lock(mutex_);
  std::function<void()> work;
  if (!posted_.empty()) {
    work = std::move(posted_.front());
    posted_.pop_front();
  } else if (!timed_.empty() && timed_.begin()->first <= clock_.monotonic_us()) {
    work = std::move(timed_.begin()->second);
    timed_.erase(timed_.begin());
  }
  return work;
}

void FakeIoThread::run() {
  while (const auto work = take()) work();
}

void FakeReply::send(ports::HttpResponse answer) {
  ++sent;
  response = std::move(answer);
}

// The handler gets a handle of its own, so that the test sees when it was dropped.
std::shared_ptr<ports::HttpStream> FakeReply::stream(ports::HttpResponse head) {
  ++sent;
  response = std::move(head);
  written = std::make_shared<FakeStream>();
  written->set_unsent(unsent_at_begin);
  const std::shared_ptr<ports::HttpStream> handle(written.get(), [kept = written](ports::HttpStream*) {});
  streaming = handle;
  return handle;
}

void FakeStream::write(std::string_view piece) {
  if (abandoned_) return;
  body += piece;
  ++writes;
}

void FakeStream::when_unsent_below(std::size_t bytes, std::function<void()> ready) {
  watched_bytes_ = bytes;
  watcher_ = std::move(ready);
  tell();
}

void FakeStream::tell() {
  if (!watcher_ || (unsent_ >= watched_bytes_ && !abandoned_)) return;
  std::exchange(watcher_, nullptr)();
}

// ---- log ----

class FakeLogReader final : public ports::LogReader {
 public:
  FakeLogReader(FakeLog& log, ports::Topic topic, Partition partition, Offset from)
      : log_(log), topic_(topic), partition_(partition), position_(from.value) {}

  Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) override {
    std::unique_lock lock(log_.mutex_);
    FakeLog::Contents& contents = log_.contents_[{topic_, partition_}];
    const auto end = [&] { return static_cast<std::int64_t>(contents.records.size()); };
    log_.changed_.wait_for(lock, timeout, [&] { return position_ < end() || log_.down_ || woken_; });
    woken_ = false;
    if (log_.down_) return fail(Error::Kind::unavailable, "the log is down");
    if (position_ < contents.begin) return fail(Error::Kind::not_found, "the position is below the log");
    auto bytes = std::make_shared<std::vector<std::string>>();
    bytes->reserve(records_max);
    ports::LogBatch batch;
    while (position_ < end() && batch.records.size() < records_max) {
      const auto& [time, value] = contents.records[static_cast<std::size_t>(position_)];
      bytes->push_back(value);
      batch.records.push_back({partition_, Offset{position_}, time, {}, bytes->back()});
      ++position_;
    }
    batch.owner = bytes;
    return batch;
  }
  Result<ports::LogBounds> bounds(std::chrono::milliseconds) override {
    std::lock_guard lock(log_.mutex_);
    if (log_.down_) return fail(Error::Kind::unavailable, "the log is down");
    const FakeLog::Contents& contents = log_.contents_[{topic_, partition_}];
    return ports::LogBounds{Offset{contents.begin}, Offset{static_cast<std::int64_t>(contents.records.size())}};
  }
  ports::Headers headers(const ports::LogRecord& record) const override {
    std::lock_guard lock(log_.mutex_);
    const auto found = log_.headers_.find({topic_, partition_, record.offset});
    return found == log_.headers_.end() ? ports::Headers{} : found->second;
  }
  void wake() override {
    std::lock_guard lock(log_.mutex_);
    woken_ = true;
    log_.changed_.notify_all();
  }

 private:
  FakeLog& log_;
  const ports::Topic topic_;
  const Partition partition_;
  std::int64_t position_;
  bool woken_ = false;
};

Offset FakeLog::append(ports::Topic topic, Partition partition, Timestamp time, std::string value,
                       ports::Headers headers) {
  std::lock_guard lock(mutex_);
  auto& records = contents_[{topic, partition}].records;
  const Offset offset{static_cast<std::int64_t>(records.size())};
  if (!headers.empty()) headers_.emplace(std::tuple(topic, partition, offset), std::move(headers));
  records.emplace_back(time, std::move(value));
  changed_.notify_all();
  return offset;
}

Offset FakeLog::end(ports::Topic topic, Partition partition) {
  std::lock_guard lock(mutex_);
  return Offset{static_cast<std::int64_t>(contents_[{topic, partition}].records.size())};
}

void FakeLog::expire(ports::Topic topic, Partition partition, Offset begin) {
  std::lock_guard lock(mutex_);
  contents_[{topic, partition}].begin = begin.value;
}

void FakeLog::set_down(bool down) {
  std::lock_guard lock(mutex_);
  down_ = down;
  changed_.notify_all();
}

void FakeLog::set_partitions(std::int32_t partitions) {
  std::lock_guard lock(mutex_);
  partitions_ = partitions;
}

Result<std::unique_ptr<ports::LogReader>> FakeLog::open(ports::Topic topic, Partition partition, Offset from) {
  ++opened_;
  return std::make_unique<FakeLogReader>(*this, topic, partition, from);
}

Result<Offset> FakeLog::offset_at(ports::Topic topic, Partition partition, Timestamp time, std::chrono::milliseconds) {
  std::lock_guard lock(mutex_);
  if (down_) return fail(Error::Kind::unavailable, "the log is down");
  const Contents& contents = contents_[{topic, partition}];
  auto offset = static_cast<std::size_t>(contents.begin);
  while (offset < contents.records.size() && contents.records[offset].first < time) ++offset;
  return Offset{static_cast<std::int64_t>(offset)};
}

Result<std::int32_t> FakeLog::partitions(ports::Topic, std::chrono::milliseconds) {
  std::lock_guard lock(mutex_);
  if (down_) return fail(Error::Kind::unavailable, "the log is down");
  return partitions_;
}

// ---- appender ----

Result<void> FakeAppender::append(Partition partition, std::string_view key, std::string_view value,
                                  const ports::Headers& headers, std::uint64_t token) {
  if (refusal_) return fail(*refusal_, "the log takes nothing");
  if (open_.empty()) oldest_us_ = clock_.monotonic_us();
  open_.push_back({partition, {}, clock_.now(), std::string(key), std::string(value), token, headers});
  return {};
}

std::chrono::milliseconds FakeAppender::oldest_unacknowledged() const {
  if (open_.empty()) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds((clock_.monotonic_us() - oldest_us_) / 1'000);
}

std::vector<FakeAppender::Appended> FakeAppender::acknowledge(ports::Delivery::Fate fate) {
  std::vector<Appended> stored;
  std::vector<ports::Delivery> deliveries;
  for (Appended& appended : open_) {
    ports::Delivery delivery{appended.token, fate, appended.partition, {}};
    if (fate == ports::Delivery::Fate::stored) {
      appended.offset = Offset{next_[appended.partition]++};
      delivery.offset = appended.offset;
      stored.push_back(appended);
    }
    deliveries.push_back(delivery);
  }
  open_.clear();
  on_deliveries_(deliveries);
  return stored;
}

// ---- store ----

Result<void> FakeGatewayStore::enter(const char* name) {
  ++database_.calls[name];
  if (database_.down) return fail(Error::Kind::unavailable, "the database is down");
  return {};
}

Result<std::vector<ports::StoredCampaign>> FakeGatewayStore::campaigns_named(std::span<const CampaignId> ids) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("campaigns_named"); !ok) return std::unexpected(ok.error());
  std::vector<ports::StoredCampaign> found;
  for (const CampaignId id : ids) {
    const auto at = database_.campaigns.find(id);
    if (at != database_.campaigns.end()) found.push_back(at->second);
  }
  return found;
}

Result<std::vector<ports::StoredCampaign>> FakeGatewayStore::campaigns(CampaignId after, std::size_t limit) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("campaigns"); !ok) return std::unexpected(ok.error());
  std::vector<ports::StoredCampaign> found;
  for (auto at = database_.campaigns.upper_bound(after); at != database_.campaigns.end() && found.size() < limit;
       ++at) {
    found.push_back(at->second);
  }
  return found;
}

Result<ports::Reservation> FakeGatewayStore::reserve_campaign(std::string_view key, std::int32_t partitions) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("reserve_campaign"); !ok) return std::unexpected(ok.error());
  if (const auto found = database_.reservations.find(std::string(key)); found != database_.reservations.end()) {
    const auto creator = database_.creators.find(found->second.campaign);
    if (creator == database_.creators.end() || creator->second == key) return found->second;
  }
  const CampaignId next{++database_.last_campaign_id};
  return database_.reservations[std::string(key)] = {next, home_partition(next, partitions)};
}

Result<std::optional<std::string>> FakeGatewayStore::outcome_batch(Partition partition, Offset offset) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("outcome_batch"); !ok) return std::unexpected(ok.error());
  for (const auto& [first, row] : database_.outbox) {
    if (first.first == partition && first.second <= offset && offset <= row.first) return row.second;
  }
  return std::nullopt;
}

Result<ports::GatewayStore::Progress> FakeGatewayStore::progress(Partition partition) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("progress"); !ok) return std::unexpected(ok.error());
  return database_.progress[partition];
}

Result<ports::GatewayStore::Checkpoints> FakeGatewayStore::checkpoints() {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("checkpoints"); !ok) return std::unexpected(ok.error());
  Checkpoints checkpoints;
  for (const auto& [partition, progress] : database_.progress) checkpoints[partition] = {progress.next_offset, {}};
  return checkpoints;
}

Result<std::optional<Offset>> FakeGatewayStore::replay_of(Partition partition, Offset origin) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("replay_of"); !ok) return std::unexpected(ok.error());
  const auto found = database_.replays.find({partition, origin});
  if (found == database_.replays.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<ports::Coupon>> FakeGatewayStore::coupon(CampaignId campaign, Sequence sequence) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("coupon"); !ok) return std::unexpected(ok.error());
  const auto found = database_.coupons.find({campaign, sequence});
  if (found == database_.coupons.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<ports::Coupon>> FakeGatewayStore::coupon_of(CampaignId campaign, std::string_view user,
                                                                 std::string_view idempotency_key) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("coupon_of"); !ok) return std::unexpected(ok.error());
  for (const auto& [key, coupon] : database_.coupons) {
    if (key.first == campaign && coupon.user == user && coupon.idempotency_key == idempotency_key) return coupon;
  }
  return std::nullopt;
}

Result<std::vector<ports::Coupon>> FakeGatewayStore::coupons_of_campaign(CampaignId campaign, Sequence after,
                                                                         std::size_t limit) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("coupons_of_campaign"); !ok) return std::unexpected(ok.error());
  std::vector<ports::Coupon> found;
  for (const auto& [key, coupon] : database_.coupons) {
    if (key.first == campaign && key.second > after && found.size() < limit) found.push_back(coupon);
  }
  return found;
}

Result<std::vector<ports::Coupon>> FakeGatewayStore::coupons_of_user(std::string_view user, std::size_t limit) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("coupons_of_user"); !ok) return std::unexpected(ok.error());
  std::vector<ports::Coupon> found;
  for (const auto& [key, coupon] : database_.coupons) {
    if (coupon.user == user && found.size() < limit) found.push_back(coupon);
  }
  return found;
}

Result<std::optional<ports::RedeemedCoupon>> FakeGatewayStore::redeem(const ports::Redemption& redemption) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("redeem"); !ok) return std::unexpected(ok.error());
  const auto found = database_.coupons.find({redemption.campaign, redemption.sequence});
  if (found == database_.coupons.end()) return std::nullopt;
  ports::Coupon& coupon = found->second;
  const bool is_owner = redemption.user.empty() || redemption.user == coupon.user;
  const bool is_valid = !coupon.valid_until || redemption.now < *coupon.valid_until;
  const bool is_redeemed_now = is_owner && is_valid && !coupon.used_at;
  if (is_redeemed_now) {
    coupon.used_at = redemption.now;
    database_.redeem_keys[found->first] = redemption.key;
  }
  return ports::RedeemedCoupon{coupon, database_.redeem_keys[found->first], is_redeemed_now};
}

Result<void> FakeGatewayStore::holders(std::span<const CampaignId> campaigns, const OnHolder& each) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("holders"); !ok) return std::unexpected(ok.error());
  std::size_t told = 0;
  // The last first: nobody may count on the order within a campaign.
  for (const auto& [key, coupon] : database_.coupons | std::views::reverse) {
    if (std::ranges::find(campaigns, key.first) == campaigns.end()) continue;
    if (database_.holders_told_max == told++) return fail(Error::Kind::unavailable, "the store is down");
    each(key.first, coupon.user);
  }
  return {};
}

Result<std::vector<ports::DispatchRate>> FakeGatewayStore::dispatch() {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("dispatch"); !ok) return std::unexpected(ok.error());
  std::vector<ports::DispatchRate> rates;
  for (const auto& [partition, per_second] : database_.dispatch) {
    rates.push_back({partition < 0 ? std::nullopt : std::optional(Partition{partition}), per_second});
  }
  return rates;
}

Result<void> FakeGatewayStore::set_dispatch(const ports::DispatchRate& rate) {
  std::lock_guard lock(database_.mutex);
  if (auto ok = enter("set_dispatch"); !ok) return std::unexpected(ok.error());
  database_.dispatch[rate.partition ? rate.partition->value : -1] = rate.per_second;
  return {};
}

}  // namespace openrun::gateway::testing
