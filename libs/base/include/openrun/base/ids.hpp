// Strong types for every identifier and quantity that crosses a function boundary, so that an offset cannot be passed
// where a sequence is meant. All are plain values, safe to copy between threads.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace openrun {

template <class Tag, class Rep>
struct Strong {
  using rep = Rep;
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  constexpr auto operator<=>(const Strong&) const = default;
};

// A campaign: 1 .. 2^31-1.
using CampaignId = Strong<struct CampaignIdTag, std::uint32_t>;
// The position of a coupon within its campaign: 1 .. issued. 0 means "none".
using Sequence = Strong<struct SequenceTag, std::uint32_t>;
// A partition of openrun.requests; results and dead letters of it live in the partition of the same number.
using Partition = Strong<struct PartitionTag, std::int32_t>;
// A Kafka offset within one partition.
using Offset = Strong<struct OffsetTag, std::int64_t>;
// The generation of a partition's writer: grows by one with every takeover (compare-and-swap, Postgres).
using Epoch = Strong<struct EpochTag, std::int64_t>;
// Milliseconds since 1970-01-01T00:00:00Z. In decision code always a record's LogAppendTime, never a local clock.
using Timestamp = Strong<struct TimestampTag, std::int64_t>;

constexpr Offset operator+(Offset o, std::int64_t n) {
  return Offset{o.value + n};
}
constexpr std::int64_t operator-(Offset a, Offset b) {
  return a.value - b.value;
}
constexpr Timestamp operator+(Timestamp t, std::int64_t ms) {
  return Timestamp{t.value + ms};
}
constexpr std::int64_t operator-(Timestamp a, Timestamp b) {
  return a.value - b.value;
}

// The partition in which a campaign is created; it stays there for ever, also when partitions are added later.
constexpr Partition home_partition(CampaignId id, std::int32_t partitions) {
  return Partition{static_cast<std::int32_t>(id.value % static_cast<std::uint32_t>(partitions))};
}

}  // namespace openrun

template <class Tag, class Rep>
struct std::hash<openrun::Strong<Tag, Rep>> {
  std::size_t operator()(const openrun::Strong<Tag, Rep>& s) const noexcept { return std::hash<Rep>{}(s.value); }
};
