#include <utility>
#include <variant>

#include <openrun/wire/log_record.hpp>
#include <openrun/wire/read_record.hpp>

namespace openrun::wire {

ReadRecord read_record(Offset offset, Timestamp time, std::string_view value, const std::string* refusal) {
  ReadRecord read;
  read.input.offset = offset;
  read.input.time = time;
  if (auto decoded = decode(value)) {
    read.input.event = std::move(decoded->event);
    read.nonce = decoded->nonce;
  } else {
    read.input.event = issuance::Undecidable{decoded.error().reason};
    read.error = std::move(decoded.error().error);
    read.nonce = decoded.error().nonce;
    read.newer_version = decoded.error().newer_version;
  }
  if (refusal != nullptr) {
    read.input.event = refused_by_store(read.input.event);
    read.error = *refusal;
    read.refused = true;
  }
  return read;
}

issuance::Event refused_by_store(const issuance::Event& event) {
  issuance::Undecidable verdict{store_refused};
  const auto* replay = std::get_if<issuance::Replay>(&event);
  if (replay == nullptr) return verdict;
  return issuance::Replay{replay->origin, replay->first_arrival, verdict};
}

const issuance::IssueRequested* request_of(const issuance::Event& event) {
  if (const auto* request = std::get_if<issuance::IssueRequested>(&event)) return request;
  const auto* replay = std::get_if<issuance::Replay>(&event);
  return replay == nullptr ? nullptr : std::get_if<issuance::IssueRequested>(&replay->original);
}

const issuance::CampaignCommand* command_of(const issuance::Event& event) {
  if (const auto* command = std::get_if<issuance::CampaignCommand>(&event)) return command;
  const auto* replay = std::get_if<issuance::Replay>(&event);
  return replay == nullptr ? nullptr : std::get_if<issuance::CampaignCommand>(&replay->original);
}

}  // namespace openrun::wire
