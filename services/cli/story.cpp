#include "cli/story.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include <openrun/wire/json.hpp>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/read_record.hpp>

#include "cli/log_reading.hpp"
#include "cli/start_state.hpp"

namespace openrun::cli {
namespace {

std::string words_of(const issuance::CampaignCommand& command) {
  struct Words {
    std::string operator()(const issuance::CreateCampaign& create) const {
      return "create with a stock of " + std::to_string(create.terms.stock);
    }
    std::string operator()(const issuance::ChangeCampaign& change) const {
      std::string fields;
      if (change.name) fields += " name";
      if (change.description) fields += " description";
      if (change.starts_at) fields += " starts_at";
      if (change.ends_at) fields += " ends_at";
      if (change.policy) fields += " policy";
      return "change" + fields;
    }
    std::string operator()(const issuance::AddStock& add) const {
      return "add " + std::to_string(add.add) + " to the stock";
    }
    std::string operator()(const issuance::PauseCampaign& /*pause*/) const { return "pause"; }
    std::string operator()(const issuance::ResumeCampaign& /*resume*/) const { return "resume"; }
    std::string operator()(const issuance::CloseCampaign& /*close*/) const { return "close"; }
  };
  return std::visit(Words{}, command.action);
}

class Teller {
 public:
  Teller(CampaignId campaign, const std::optional<std::string>& user, Offset next_offset)
      : user_(user), key_(std::to_string(campaign.value)) {
    story_.campaign = campaign;
    story_.next_offset = next_offset;
  }

  // An entry for this record, where it belongs to the story.
  std::optional<StoryEntry> entry_for(const ports::LogRecord& record) {
    const wire::ReadRecord read = wire::read_record(record.offset, record.time, record.value);
    StoryEntry entry;
    entry.offset = record.offset;
    entry.time = record.time;
    entry.error = read.error;
    if (const auto trace = parse_traceparent(record.traceparent)) entry.trace_id = trace_id_text(*trace);
    const auto* replay = std::get_if<issuance::Replay>(&read.input.event);
    const issuance::IssueRequested* request = wire::request_of(read.input.event);
    const issuance::CampaignCommand* command = wire::command_of(read.input.event);
    bool belongs = false;
    if (request != nullptr) {
      belongs = user_ && request->campaign == story_.campaign && request->user == *user_;
      entry.key = request->idempotency_key;
      entry.what = "request";
    } else if (command != nullptr) {
      belongs = !user_ && command->campaign == story_.campaign;
      entry.key = command->idempotency_key;
      entry.what = words_of(*command);
    } else if (std::holds_alternative<issuance::Undecidable>(read.input.event)) {
      // Nobody can read it; that it is this user's is a guess by its key and its bytes.
      belongs = user_ && record.key == key_ && record.value.find(*user_) != std::string_view::npos;
      entry.what = "a record that cannot be read and seems to name this user";
    }
    if (replay != nullptr) {
      belongs = belongs || offsets_.contains(replay->origin);
      entry.what = "replay of offset " + std::to_string(replay->origin.value) + ": " +
                   (entry.what.empty() ? "a record that cannot be read" : entry.what);
    }
    if (!belongs) return std::nullopt;
    offsets_.insert(record.offset);
    if (replay != nullptr) offsets_.insert(replay->origin);
    return entry;
  }

  void add(StoryEntry entry) {
    if (story_.entries.size() < story_entries_max) {
      story_.entries.push_back(std::move(entry));
    } else {
      story_.cut = true;
    }
  }

  Story& story() { return story_; }

 private:
  const std::optional<std::string>& user_;
  const std::string key_;
  std::set<Offset> offsets_;
  Story story_;
};

Result<Partition> partition_of(ports::Log& log, const std::optional<ports::StoredCampaignRow>& row,
                               CampaignId campaign) {
  if (row) return row->partition;
  auto partitions = log.partitions(ports::Topic::requests, std::chrono::seconds(10));
  if (!partitions) return std::unexpected(std::move(partitions.error()));
  return home_partition(campaign, *partitions);
}

// Whether the store refused this record, and what it said.
Result<std::optional<std::string>> refusal_of(RowStream<ports::StoredDeadLetter>& letters, Offset offset) {
  std::optional<std::string> refusal;
  auto taken = letters.take_while([&](const auto& row) { return row.row.offset <= offset; },
                                  [&](const auto& row) {
                                    if (row.row.offset == offset && row.row.reason == wire::store_refused) {
                                      refusal = row.row.error;
                                    }
                                  });
  if (!taken) return std::unexpected(std::move(taken.error()));
  return refusal;
}

Result<void> decide(Reexecution& reexecution, RowStreams& streams, const ports::LogRecord& record,
                    std::optional<StoryEntry>& entry) {
  const auto refusal = refusal_of(streams.dead_letters, record.offset);
  if (!refusal) return std::unexpected(refusal.error());
  const auto step = reexecution.apply(record, {*refusal ? &**refusal : nullptr, false});
  if (!step) return std::unexpected(step.error());
  if (!entry) return {};
  if (*refusal) entry->error = **refusal;
  entry->decision = step->decision;
  entry->known = step->known;
  if (step->before != nullptr) entry->before = *step->before;
  if (step->after != nullptr) entry->after = *step->after;
  return {};
}

}  // namespace

Result<Story> tell_story(ports::Log& log, ports::AuditRows& rows, CampaignId campaign,
                         const std::optional<std::string>& user) {
  const auto row = rows.campaign(campaign);
  if (!row) return std::unexpected(row.error());
  const auto partition = partition_of(log, *row, campaign);
  if (!partition) return std::unexpected(partition.error());
  const auto checkpoints = rows.checkpoints();
  if (!checkpoints) return std::unexpected(checkpoints.error());
  const auto checkpoint = std::ranges::find(*checkpoints, *partition, &ports::StoredCheckpoint::partition);
  if (checkpoint == checkpoints->end()) {
    return fail(Error::Kind::not_found, "nothing was decided yet in partition " + std::to_string(partition->value) +
                                            ", where campaign " + std::to_string(campaign.value) + " belongs");
  }
  const auto bounds = log_bounds(log, ports::Topic::requests, *partition);
  if (!bounds) return std::unexpected(bounds.error());
  if (auto opened = rows.open(*partition); !opened) return std::unexpected(opened.error());
  const auto campaigns = rows.campaigns(*partition);
  if (!campaigns) return std::unexpected(campaigns.error());
  RowStreams streams(rows);
  auto start = state_from_rows(*checkpoint, bounds->begin, *campaigns, streams);
  if (!start) return std::unexpected(std::move(start.error()));
  Reexecution reexecution(std::move(*start));
  Teller teller(campaign, user, checkpoint->next_offset);
  teller.story().partition = *partition;
  teller.story().from = bounds->begin;
  auto done = read_log(log, ports::Topic::requests, *partition, bounds->begin, bounds->end,
                       [&](const ports::LogRecord& record, const ports::LogReader& /*reader*/) -> Result<void> {
                         auto entry = teller.entry_for(record);
                         if (entry) entry->decided = record.offset < checkpoint->next_offset;
                         if (record.offset < checkpoint->next_offset) {
                           if (auto decided = decide(reexecution, streams, record, entry); !decided) return decided;
                         }
                         if (entry) teller.add(std::move(*entry));
                         return {};
                       });
  if (!done) return std::unexpected(std::move(done.error()));
  if (*row) teller.story().now = (*row)->campaign;
  return std::move(teller.story());
}

}  // namespace openrun::cli
