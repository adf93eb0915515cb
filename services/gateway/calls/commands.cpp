#include "gateway/calls/commands.hpp"

#include <string>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

ports::HttpResponse campaign_response(unsigned status, const issuance::Campaign& campaign, Timestamp now) {
  ports::HttpResponse response = json_response(status, {});
  wire::JsonWriter json(response.body);
  write_campaign(json, campaign, now);
  if (status == 201) response.headers.emplace_back("Location", "/v1/campaigns/" + std::to_string(campaign.id.value));
  return response;
}

class Commands::Running final : public Submission {
 public:
  Running(Commands& commands, Lane& lane, CampaignId campaign, std::uint32_t nonce, unsigned applied_status, Seat seat,
          std::shared_ptr<ports::HttpReply> reply)
      : commands_(commands),
        lane_(lane),
        applied_status_(applied_status),
        seat_(std::move(seat)),
        reply_(std::move(reply)),
        begun_us_(commands.parts_.clock.monotonic_us()) {
    receipt_.place.campaign = campaign;
    receipt_.place.nonce = nonce;
  }

  void stored(std::unique_ptr<Submission> self, Partition partition, Offset offset) override {
    receipt_.place.partition = partition;
    receipt_.place.offset = offset;
    receipt_.text = commands_.parts_.signer.sign(receipt_.place);
    if (commands_.parts_.draining) {
      expired();
      return;
    }
    lane_.hold(partition, offset, receipt_.place.nonce, std::move(self), begun_us_ + limits::command_wait_ms * 1'000);
  }
  void not_stored(Error::Kind) override {
    reply_->send(overloaded("The log did not acknowledge the command; asking again with the same key is safe."));
  }
  void decided(const Found& found) override {
    if (found.kind != Found::Kind::decided) {
      expired();
      return;
    }
    commands_.read_result(lane_.io(), receipt_, applied_status_, reply_);
  }
  void expired() override { commands_.undecided(receipt_, *reply_); }

 private:
  Commands& commands_;
  Lane& lane_;
  NamedReceipt receipt_;
  unsigned applied_status_;
  Seat seat_;
  std::shared_ptr<ports::HttpReply> reply_;
  std::int64_t begun_us_;
};

void Commands::run(ports::IoThread& io, Partition partition, const issuance::CampaignCommand& command,
                   unsigned applied_status, std::shared_ptr<ports::HttpReply> reply) {
  std::optional<Seat> seat = parts_.commands.take();
  if (!seat) {
    reply->send(overloaded("Too many commands wait for their outcome."));
    return;
  }
  const std::uint32_t nonce = parts_.random_u32();
  const std::string value = wire::encode_command(nonce, command);
  if (value.size() > limits::record_bytes_max) {
    reply->send(problem(413, "TOO_LARGE", "The command does not fit into one record of the log."));
    return;
  }
  Lane& lane = parts_.lanes.of(io);
  lane.append(parts_.appender, partition, std::to_string(command.campaign.value), value,
              std::make_unique<Running>(*this, lane, command.campaign, nonce, applied_status, std::move(*seat),
                                        std::move(reply)));
}

void Commands::undecided(const NamedReceipt& receipt, ports::HttpReply& reply) {
  reply.send(answers_.still_waiting(202, receipt, std::nullopt));
}

void Commands::read_result(ports::IoThread& io, const NamedReceipt& receipt, unsigned applied_status,
                           std::shared_ptr<ports::HttpReply> reply) {
  const bool accepted = parts_.pool.submit([this, &io, receipt, applied_status, reply](ports::GatewayStore& store) {
    io.post([this, &io, receipt, applied_status, reply,
             stored = look_up_command(store, receipt.place.partition, receipt.place.offset)] {
      answer(io, receipt, applied_status, stored, reply);
    });
  });
  // It is decided, but its result can't be read now: the receipt stays good.
  if (!accepted) undecided(receipt, *reply);
}

void Commands::answer(ports::IoThread& io, const NamedReceipt& receipt, unsigned applied_status,
                      const Result<StoredCommand>& stored, const std::shared_ptr<ports::HttpReply>& reply) {
  if (!stored || stored->outcome == issuance::Outcome::none || stored->outcome == issuance::Outcome::dead_lettered) {
    undecided(receipt, *reply);
    return;
  }
  if (stored->after) {
    parts_.cache.apply(*stored->after, receipt.place.partition, stored->offset);
    reply->send(campaign_response(applied_status, *stored->after, parts_.clock.now()));
    return;
  }
  // The first use of the key is no longer kept, or the campaign has forgotten it (an id is reserved for one key only):
  // the campaign as it is now.
  if (stored->outcome == issuance::Outcome::command_applied || stored->outcome == issuance::Outcome::command_repeated ||
      stored->outcome == issuance::Outcome::command_campaign_exists) {
    parts_.directory.load(io, receipt.place.campaign, [this, applied_status, reply](const Result<CampaignView>& view) {
      reply->send(view ? campaign_response(applied_status, to_campaign(*view), parts_.clock.now())
                       : unavailable(view.error().kind));
    });
    return;
  }
  reply->send(refusal(stored->outcome));
}

}  // namespace openrun::gateway
