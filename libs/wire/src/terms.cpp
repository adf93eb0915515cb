#include "terms.hpp"

#include <utility>

#include <openrun/wire/log_record.hpp>
#include <openrun/wire/terms.hpp>

#include "proto_reader.hpp"

namespace openrun::wire {
namespace {

using issuance::Discount;
using issuance::Policy;

bool read_text(ProtoReader& reader, std::string& out) {
  std::string_view bytes;
  if (!reader.read(bytes)) return false;
  out.assign(bytes);
  return true;
}

bool read_time(ProtoReader& reader, Timestamp& out) {
  return reader.read(out.value);
}

// An enumeration of at most 256 values; a number that it lacks is kept, for check() to refuse.
template <class Enum>
bool read_enum(ProtoReader& reader, Enum& out) {
  std::uint64_t number = 0;
  if (!reader.read(number) || number > 255) return false;
  out = static_cast<Enum>(number);
  return true;
}

bool read_discount(std::string_view bytes, Discount& out) {
  return read_strictly(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return read_enum(reader, out.type);
      case 2:
        return reader.read(out.value);
      case 3:
        return read_text(reader, out.currency);
      default:
        return false;
    }
  });
}

bool read_policy(std::string_view bytes, Policy& out) {
  std::uint32_t max_per_user = 0;
  const bool read = read_strictly(bytes, [&](ProtoReader& reader) {
    std::string_view discount;
    switch (reader.field()) {
      case 1:
        return reader.read(discount) && read_discount(discount, out.discount.emplace());
      case 2:
        return read_time(reader, out.valid_until.emplace());
      case 3:
        return reader.read(out.valid_for_seconds.emplace());
      case 4:
        return reader.read(max_per_user);
      case 5:
        return read_enum(reader, out.code_format);
      default:
        return false;
    }
  });
  out.max_per_user = max_per_user == 0 ? 1 : max_per_user;
  return read;
}

bool read_policy(ProtoReader& reader, Policy& out) {
  std::string_view bytes;
  return reader.read(bytes) && read_policy(bytes, out);
}

void write_policy(const Policy& policy, openrun::v1::Policy& out) {
  if (policy.discount) {
    auto& discount = *out.mutable_discount();
    discount.set_type(policy.discount->type == Discount::Type::percent ? openrun::v1::Policy_Discount::PERCENT
                                                                       : openrun::v1::Policy_Discount::AMOUNT);
    discount.set_value(policy.discount->value);
    discount.set_currency(policy.discount->currency);
  }
  if (policy.valid_until) out.set_valid_until_ms(policy.valid_until->value);
  if (policy.valid_for_seconds) out.set_valid_for_seconds(*policy.valid_for_seconds);
  if (policy.max_per_user != 1) out.set_max_per_user(policy.max_per_user);
  if (policy.code_format == issuance::CodeFormat::latin) out.set_code_format(openrun::v1::Policy::LATIN);
}

}  // namespace

std::optional<issuance::CampaignTerms> read_terms(std::string_view bytes) {
  issuance::CampaignTerms terms;
  const bool read = read_strictly(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return read_text(reader, terms.name);
      case 2:
        return read_text(reader, terms.description);
      case 3:
        return reader.read(terms.stock);
      case 4:
        return read_time(reader, terms.starts_at);
      case 5:
        return read_time(reader, terms.ends_at.emplace());
      case 6:
        return read_policy(reader, terms.policy);
      default:
        return false;
    }
  });
  if (!read) return std::nullopt;
  return terms;
}

std::optional<issuance::ChangeCampaign> read_change(std::string_view bytes) {
  issuance::ChangeCampaign change;
  std::optional<Timestamp> ends_at;
  bool clear_ends_at = false;
  const bool read = read_strictly(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return read_text(reader, change.name.emplace());
      case 2:
        return read_text(reader, change.description.emplace());
      case 3:
        return read_time(reader, change.starts_at.emplace());
      case 4:
        return read_time(reader, ends_at.emplace());
      case 5:
        return reader.read(clear_ends_at);
      case 6:
        return read_policy(reader, change.policy.emplace());
      default:
        return false;
    }
  });
  // An end that is set and taken away at once means nothing.
  if (!read || (ends_at && clear_ends_at)) return std::nullopt;
  if (ends_at || clear_ends_at) change.ends_at = ends_at;
  return change;
}

void write_terms(const issuance::CampaignTerms& terms, openrun::v1::CampaignTerms& out) {
  out.set_name(terms.name);
  out.set_description(terms.description);
  out.set_stock(terms.stock);
  out.set_starts_at_ms(terms.starts_at.value);
  if (terms.ends_at) out.set_ends_at_ms(terms.ends_at->value);
  if (terms.policy != Policy{}) write_policy(terms.policy, *out.mutable_policy());
}

void write_change(const issuance::ChangeCampaign& change, openrun::v1::CampaignChange& out) {
  if (change.name) out.set_name(*change.name);
  if (change.description) out.set_description(*change.description);
  if (change.starts_at) out.set_starts_at_ms(change.starts_at->value);
  if (change.ends_at) {
    if (*change.ends_at) {
      out.set_ends_at_ms((*change.ends_at)->value);
    } else {
      out.set_clear_ends_at(true);
    }
  }
  if (change.policy) write_policy(*change.policy, *out.mutable_policy());
}

std::string encode_terms(const issuance::CampaignTerms& terms) {
  openrun::v1::CampaignTerms message;
  write_terms(terms, message);
  return message.SerializeAsString();
}

Result<issuance::CampaignTerms> decode_terms(std::string_view bytes) {
  auto terms = read_terms(bytes);
  if (!terms) return fail(Error::Kind::invalid, "the bytes are no CampaignTerms");
  if (const auto fault = check(*terms)) {
    return fail(Error::Kind::invalid, std::string("CampaignTerms: ") + fault->field + " " + fault->message);
  }
  return std::move(*terms);
}

}  // namespace openrun::wire
