#include <algorithm>
#include <bit>
#include <cstring>

#include <openrun/base/assert.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/issuance/claims.hpp>

namespace openrun::issuance {
namespace {

constexpr std::size_t chunk_bits = 16;
constexpr std::size_t chunk_bytes = std::size_t{1} << chunk_bits;
constexpr std::size_t arena_step_bytes_min = 256;
constexpr std::size_t index_slots_min = 16;
constexpr unsigned position_bits = 40;
constexpr std::uint64_t position_mask = (std::uint64_t{1} << position_bits) - 1;

// In place of a key's length.
constexpr std::uint8_t counter_mark = 0xFF;
static_assert(limits::idempotency_key_bytes_max < counter_mark);
static_assert(limits::user_id_bytes_max <= UINT16_MAX);

// Where the fields of a record stand in the arena, without padding: it is what makes a claim small.
constexpr std::size_t sequence_at = 0;
constexpr std::size_t issued_at_at = sequence_at + sizeof(std::uint32_t);
constexpr std::size_t nonce_at = issued_at_at + sizeof(std::int64_t);
constexpr std::size_t user_length_at = nonce_at + sizeof(std::uint32_t);
constexpr std::size_t key_length_at = user_length_at + sizeof(std::uint16_t);
constexpr std::size_t text_at = key_length_at + sizeof(std::uint8_t);
static_assert(text_at + limits::user_id_bytes_max + limits::idempotency_key_bytes_max <= chunk_bytes);

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(char* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// SipHash with one round a word and three at the end (Aumasson and Bernstein 2012).
class SipHash {
 public:
  SipHash(std::uint64_t key_low, std::uint64_t key_high)
      : v0_(key_low ^ 0x736f6d6570736575),
        v1_(key_high ^ 0x646f72616e646f6d),
        v2_(key_low ^ 0x6c7967656e657261),
        v3_(key_high ^ 0x7465646279746573) {}

  // `mark` closes the text, so that texts of different lengths or kinds differ in their last word.
  void add(std::string_view text, std::uint64_t mark) {
    const char* from = text.data();
    std::size_t left = text.size();
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t), from += sizeof(std::uint64_t)) {
      word(load<std::uint64_t>(from));
    }
    std::uint64_t last = 0;
    if (left != 0) std::memcpy(&last, from, left);
    word(last ^ (mark << 56));
  }

  std::uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void word(std::uint64_t w) {
    v3_ ^= w;
    round();
    v0_ ^= w;
  }
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32) + v3_;
    v2_ += v1_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }
  std::uint64_t v0_, v1_, v2_, v3_;
};

std::string_view text_of(const char* record, std::size_t from, std::size_t length) {
  return {record + text_at + from, length};
}

}  // namespace

struct ClaimTable::Record {
  Kind kind = Kind::claim;
  std::uint32_t sequence = 0;  // of a counter: the count
  std::int64_t issued_at = 0;
  std::uint32_t nonce = 0;
  std::string_view user;
  std::string_view key;

  [[nodiscard]] std::size_t bytes() const { return text_at + user.size() + key.size(); }

  static Record read(const char* from) {
    Record record;
    const std::size_t user_length = load<std::uint16_t>(from + user_length_at);
    const auto key_length = load<std::uint8_t>(from + key_length_at);
    record.kind = key_length == counter_mark ? Kind::counter : Kind::claim;
    record.sequence = load<std::uint32_t>(from + sequence_at);
    record.issued_at = load<std::int64_t>(from + issued_at_at);
    record.nonce = load<std::uint32_t>(from + nonce_at);
    record.user = text_of(from, 0, user_length);
    record.key = text_of(from, user_length, record.kind == Kind::counter ? 0 : key_length);
    return record;
  }

  void write(char* to) const {
    store(to + sequence_at, sequence);
    store(to + issued_at_at, issued_at);
    store(to + nonce_at, nonce);
    store(to + user_length_at, static_cast<std::uint16_t>(user.size()));
    store(to + key_length_at, kind == Kind::counter ? counter_mark : static_cast<std::uint8_t>(key.size()));
    std::copy(user.begin(), user.end(), to + text_at);
    std::copy(key.begin(), key.end(), to + text_at + user.size());
  }
};

std::optional<Claim> ClaimTable::find(std::string_view user, std::string_view key) const {
  if (index_.empty()) return std::nullopt;
  const std::uint64_t slot = index_[slot_of(hash_of(user, key, Kind::claim), user, key, Kind::claim)];
  if (slot == 0) return std::nullopt;
  const Record record = record_at(slot);
  return Claim{Sequence{record.sequence}, Timestamp{record.issued_at}, record.nonce};
}

std::uint32_t ClaimTable::count(std::string_view user) const {
  if (index_.empty()) return 0;
  const std::uint32_t without_key = find(user, {}) ? 1 : 0;
  const std::uint64_t slot = index_[slot_of(hash_of(user, {}, Kind::counter), user, {}, Kind::counter)];
  return without_key + (slot == 0 ? 0 : record_at(slot).sequence);
}

void ClaimTable::insert(std::string_view user, std::string_view key, Claim claim) {
  OPENRUN_ASSERT(user.size() <= limits::user_id_bytes_max, "a user id is longer than its limit");
  OPENRUN_ASSERT(key.size() <= limits::idempotency_key_bytes_max, "an idempotency key is longer than its limit");
  // Two entries may be added: the claim and its user's counter.
  if ((used_ + 2) * 4 > index_.size() * 3) grow_index();
  const std::uint64_t hash = hash_of(user, key, Kind::claim);
  const std::size_t slot = slot_of(hash, user, key, Kind::claim);
  OPENRUN_ASSERT(index_[slot] == 0, "a user gets a second coupon under the same key");
  append(slot, hash,
         Record{.kind = Kind::claim,
                .sequence = claim.sequence.value,
                .issued_at = claim.issued_at.value,
                .nonce = claim.nonce,
                .user = user,
                .key = key});
  ++claims_;
  if (!key.empty()) count_up(user);
}

void ClaimTable::count_up(std::string_view user) {
  const std::uint64_t hash = hash_of(user, {}, Kind::counter);
  const std::size_t slot = slot_of(hash, user, {}, Kind::counter);
  if (index_[slot] == 0) {
    append(slot, hash,
           Record{.kind = Kind::counter, .sequence = 1, .issued_at = 0, .nonce = 0, .user = user, .key = {}});
    return;
  }
  char* const counter = bytes_at(index_[slot]) + sequence_at;
  store(counter, load<std::uint32_t>(counter) + 1);
}

void ClaimTable::each(const std::function<void(std::string_view, std::string_view, Claim)>& take) const {
  for (const std::vector<char>& chunk : chunks_) {
    for (std::size_t start = 0; start < chunk.size();) {
      const Record record = Record::read(chunk.data() + start);
      if (record.kind == Kind::claim) {
        take(record.user, record.key, {Sequence{record.sequence}, Timestamp{record.issued_at}, record.nonce});
      }
      start += record.bytes();
    }
  }
}

std::size_t ClaimTable::memory_bytes() const {
  std::size_t bytes =
      sizeof *this + index_.capacity() * sizeof index_[0] + chunks_.capacity() * sizeof(decltype(chunks_)::value_type);
  for (const auto& chunk : chunks_) bytes += chunk.capacity();
  return bytes;
}

std::uint64_t ClaimTable::hash_of(std::string_view user, std::string_view key, Kind kind) const {
  SipHash hash(seed_, ~seed_);
  hash.add(user, user.size());
  // Where there is no key, one word fewer: the usual case.
  if (kind == Kind::counter) hash.add({}, counter_mark);
  if (!key.empty()) hash.add(key, key.size());
  return hash.finish();
}

std::size_t ClaimTable::slot_of(std::uint64_t hash, std::string_view user, std::string_view key, Kind kind) const {
  const std::size_t mask = index_.size() - 1;
  // At most three quarters are in use, so there is a free slot to stop at.
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const std::uint64_t slot = index_[at];
    if (slot == 0) return at;
    if (slot >> position_bits != hash >> position_bits) continue;
    const Record record = record_at(slot);
    if (record.kind == kind && record.user == user && record.key == key) return at;
  }
}

ClaimTable::Record ClaimTable::record_at(std::uint64_t slot) const {
  const std::uint64_t position = (slot & position_mask) - 1;
  return Record::read(chunks_[position >> chunk_bits].data() + (position & (chunk_bytes - 1)));
}

char* ClaimTable::bytes_at(std::uint64_t slot) {
  const std::uint64_t position = (slot & position_mask) - 1;
  return chunks_[position >> chunk_bits].data() + (position & (chunk_bytes - 1));
}

void ClaimTable::append(std::size_t slot, std::uint64_t hash, const Record& record) {
  const std::size_t bytes = record.bytes();
  if (chunks_.empty() || chunks_.back().size() + bytes > chunk_bytes) chunks_.emplace_back();
  std::vector<char>& chunk = chunks_.back();
  const std::size_t start = chunk.size();
  if (start + bytes > chunk.capacity()) {
    // By an eighth of the whole: doubling would cost more memory a claim than the claim.
    const std::size_t arena_bytes = (chunks_.size() - 1) * chunk_bytes + start;
    const std::size_t step = std::max({arena_step_bytes_min, arena_bytes / 8, bytes});
    chunk.reserve(std::min(chunk_bytes, start + step));
  }
  chunk.resize(start + bytes);
  record.write(chunk.data() + start);

  const std::uint64_t position = ((chunks_.size() - 1) << chunk_bits) + start;
  OPENRUN_ASSERT(position < position_mask, "the claims of one campaign outgrew their arena");
  index_[slot] = (hash >> position_bits << position_bits) | (position + 1);
  ++used_;
}

void ClaimTable::grow_index() {
  index_.assign(std::max(index_slots_min, index_.size() * 2), 0);
  const std::size_t mask = index_.size() - 1;
  // Through the arena in its own order: the slots hold too little of the hash, and this reads memory forwards.
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    for (std::size_t start = 0; start < chunks_[i].size();) {
      const Record record = Record::read(chunks_[i].data() + start);
      const std::uint64_t hash = hash_of(record.user, record.key, record.kind);
      std::size_t at = hash & mask;
      while (index_[at] != 0) at = (at + 1) & mask;
      index_[at] = (hash >> position_bits << position_bits) | ((i << chunk_bits) + start + 1);
      start += record.bytes();
    }
  }
}

}  // namespace openrun::issuance
