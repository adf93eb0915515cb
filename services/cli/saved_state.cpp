#include "cli/saved_state.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::cli {
namespace {

constexpr std::string_view magic = "openrun audit state 2\n";
constexpr std::string_view magic_1 = "openrun audit state 1\n";  // its claims have no nonces
constexpr std::size_t tag_bytes = std::tuple_size_v<crypto::Tag>;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void number(std::uint64_t value, int bytes = 8) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out_.push_back(static_cast<char>(value >> shift));
  }
  void signed_number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    number(value.size(), 4);
    out_ += value;
  }

 private:
  std::string& out_;
};

// Past the end everything is 0 or empty, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  std::uint64_t number(std::size_t bytes = 8) {
    const std::string_view taken = take(bytes);
    std::uint64_t value = 0;
    for (const char byte : taken) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
  std::string_view text() { return take(number(4)); }
  std::string_view take(std::uint64_t bytes) {
    if (bytes > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void write_campaign(Writer& writer, const issuance::Campaign& campaign, const issuance::CampaignDetail& detail,
                    const Digest& head) {
  writer.number(campaign.id.value, 4);
  writer.text(wire::encode_terms(campaign.terms));
  writer.number(campaign.issued, 4);
  writer.number(static_cast<std::uint64_t>(campaign.paused ? 1 : 0) | (campaign.closed ? 2U : 0U), 1);
  writer.signed_number(campaign.created_at.value);
  writer.signed_number(campaign.updated_at.value);
  writer.signed_number(campaign.terms_offset.value);
  writer.text({reinterpret_cast<const char*>(head.data()), head.size()});
  writer.number(detail.commands.size(), 4);
  for (const issuance::RememberedCommand& command : detail.commands) {
    writer.text(command.idempotency_key);
    writer.signed_number(command.offset.value);
  }
  detail.claims.each([&](std::string_view user, std::string_view key, issuance::Claim claim) {
    writer.text(user);
    writer.text(key);
    writer.number(claim.sequence.value, 4);
    writer.signed_number(claim.issued_at.value);
    writer.number(claim.nonce, 4);
  });
}

bool read_claims(Reader& reader, int version, std::uint32_t count, issuance::ClaimTable& claims) {
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view user = reader.text();
    const std::string_view key = reader.text();
    const Sequence sequence{static_cast<std::uint32_t>(reader.number(4))};
    const Timestamp issued_at{reader.signed_number()};
    const auto nonce = version == 1 ? 0 : static_cast<std::uint32_t>(reader.number(4));
    if (!reader.ok() || user.size() > limits::user_id_bytes_max || key.size() > limits::idempotency_key_bytes_max ||
        claims.find(user, key)) {
      return false;
    }
    claims.insert(user, key, {sequence, issued_at, nonce});
  }
  return reader.ok();
}

bool read_campaign(Reader& reader, int version, StartState& state) {
  issuance::Campaign campaign;
  campaign.id = CampaignId{static_cast<std::uint32_t>(reader.number(4))};
  auto terms = wire::decode_terms(reader.text());
  if (!terms) return false;
  campaign.terms = std::move(*terms);
  campaign.issued = static_cast<std::uint32_t>(reader.number(4));
  const std::uint64_t flags = reader.number(1);
  campaign.paused = (flags & 1) != 0;
  campaign.closed = (flags & 2) != 0;
  campaign.created_at = Timestamp{reader.signed_number()};
  campaign.updated_at = Timestamp{reader.signed_number()};
  campaign.terms_offset = Offset{reader.signed_number()};
  const std::string_view digest = reader.text();
  Digest head{};
  if (digest.size() != head.size()) return false;
  std::ranges::copy(digest, head.begin());
  issuance::CampaignDetail detail;
  const std::uint64_t commands = reader.number(4);
  for (std::uint64_t i = 0; i < commands && reader.ok(); ++i) {
    std::string key(reader.text());
    detail.commands.push_back({std::move(key), Offset{reader.signed_number()}});
  }
  if (!read_claims(reader, version, campaign.issued, detail.claims) || state.details.contains(campaign.id))
    return false;
  if (!std::ranges::is_sorted(detail.commands, {}, &issuance::RememberedCommand::offset)) return false;
  state.heads.emplace(campaign.id, head);
  state.details.emplace(campaign.id, std::move(detail));
  state.snapshot.campaigns.push_back(std::move(campaign));
  return true;
}

}  // namespace

std::string encode_state(const issuance::Machine& machine, const std::map<CampaignId, Digest>& heads,
                         std::uint64_t fingerprint) {
  std::string out;
  Writer writer(out);
  const issuance::PartitionSnapshot snapshot = machine.snapshot();
  writer.number(static_cast<std::uint64_t>(snapshot.partition.value), 4);
  writer.signed_number(snapshot.next_offset.value);
  writer.signed_number(snapshot.log_time.value);
  writer.number(snapshot.decision_version, 4);
  writer.number(fingerprint);
  writer.number(snapshot.open_dead_letters.size());
  for (const Offset offset : snapshot.open_dead_letters) writer.signed_number(offset.value);
  writer.number(snapshot.campaigns.size(), 4);
  for (const issuance::Campaign& campaign : snapshot.campaigns) {
    const auto head = heads.find(campaign.id);
    write_campaign(writer, campaign, *machine.detail(campaign.id), head == heads.end() ? Digest{} : head->second);
  }
  return out;
}

Result<SavedState> decode_state(std::string_view bytes, int version) {
  const auto refuse = [] { return fail(Error::Kind::invalid, "the saved state is damaged; make a new one"); };
  Reader reader(bytes);
  SavedState saved;
  issuance::PartitionSnapshot& snapshot = saved.state.snapshot;
  snapshot.partition = Partition{static_cast<std::int32_t>(reader.number(4))};
  snapshot.next_offset = Offset{reader.signed_number()};
  snapshot.log_time = Timestamp{reader.signed_number()};
  snapshot.decision_version = static_cast<std::uint32_t>(reader.number(4));
  saved.fingerprint = reader.number();
  const std::uint64_t letters = reader.number();
  for (std::uint64_t i = 0; i < letters && reader.ok(); ++i) {
    snapshot.open_dead_letters.emplace_back(reader.signed_number());
  }
  const std::uint64_t campaigns = reader.number(4);
  for (std::uint64_t i = 0; i < campaigns; ++i) {
    if (!read_campaign(reader, version, saved.state)) return refuse();
  }
  if (!reader.ok() || !reader.at_end()) return refuse();
  if (snapshot.decision_version > issuance::decision_version_supported) {
    return fail(Error::Kind::invalid, "the saved state follows newer decision rules than this build knows");
  }
  return saved;
}

SavedStatesWriter::SavedStatesWriter(std::span<const std::uint8_t> key) : key_(key.begin(), key.end()), bytes_(magic) {}

void SavedStatesWriter::add(Partition partition, const std::string& state) {
  Writer writer(bytes_);
  writer.number(static_cast<std::uint64_t>(partition.value), 4);
  writer.number(state.size());
  bytes_ += state;
  const crypto::Tag tag = crypto::hmac_tag(key_, bytes_of(state));
  bytes_.append(tag.begin(), tag.end());
  partitions_ += 1;
}

Result<SavedStates> SavedStates::open(std::string bytes, std::span<const std::uint8_t> key) {
  SavedStates states;
  states.version_ = bytes.starts_with(magic) ? 2 : bytes.starts_with(magic_1) ? 1 : 0;
  if (states.version_ == 0) {
    return fail(Error::Kind::invalid, "no state that `openrun audit --save-snapshot` of this version has written");
  }
  static_assert(magic.size() == magic_1.size());
  Reader reader(std::string_view(bytes).substr(magic.size()));
  while (!reader.at_end()) {
    const Partition partition{static_cast<std::int32_t>(reader.number(4))};
    const std::uint64_t length = reader.number();
    const std::string_view state = reader.take(length);
    const std::string_view tag = reader.take(tag_bytes);
    if (!reader.ok() || partition.value < 0 ||
        !crypto::equal_constant_time(crypto::hmac_tag(key, bytes_of(state)), bytes_of(tag))) {
      return fail(Error::Kind::invalid, "the file is cut short, was changed, or was made under another code key");
    }
    states.parts_.insert_or_assign(partition,
                                   Part{static_cast<std::size_t>(state.data() - bytes.data()), state.size()});
  }
  states.bytes_ = std::move(bytes);
  return states;
}

Result<SavedState> SavedStates::read(Partition partition) const {
  const auto part = parts_.find(partition);
  if (part == parts_.end()) return fail(Error::Kind::not_found, "the saved state holds no such partition");
  auto saved = decode_state(std::string_view(bytes_).substr(part->second.at, part->second.length), version_);
  if (saved && saved->state.snapshot.partition != partition) {
    return fail(Error::Kind::invalid, "the saved state of one partition stands in the place of another");
  }
  return saved;
}

}  // namespace openrun::cli
