#include "gateway/calls/commands.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::gateway {
namespace {

using Kind = CommandAnswer::Kind;

// Of a restored store, for which ids are reserved once more while their first creates wait in the log.
constexpr int ids_tried_max = 20;

void tell_unavailable(Error::Kind error, std::string_view detail, const OnCommandAnswer& on_answer) {
  CommandAnswer answer;
  answer.kind = Kind::unavailable;
  answer.error = error;
  answer.detail = detail;
  on_answer(std::move(answer));
}

void tell_refused(issuance::Outcome outcome, const OnCommandAnswer& on_answer) {
  CommandAnswer answer;
  answer.kind = Kind::refused;
  answer.outcome = outcome;
  on_answer(std::move(answer));
}

void tell_applied(issuance::Campaign campaign, const OnCommandAnswer& on_answer) {
  CommandAnswer answer;
  answer.kind = Kind::applied;
  answer.campaign = std::move(campaign);
  on_answer(std::move(answer));
}

}  // namespace

class Commands::Running final : public Submission {
 public:
  Running(Commands& commands, Lane& lane, CampaignId campaign, std::uint32_t nonce, Seat seat, std::int64_t begun_us,
          OnCommandAnswer on_answer)
      : commands_(commands),
        lane_(lane),
        seat_(std::move(seat)),
        on_answer_(std::move(on_answer)),
        begun_us_(begun_us) {
    receipt_.place.campaign = campaign;
    receipt_.place.nonce = nonce;
  }

  void stored(std::unique_ptr<Submission> self, Partition partition, Offset offset, std::int64_t now_us) override {
    receipt_.place.partition = partition;
    receipt_.place.offset = offset;
    receipt_.text = commands_.parts_.signer.sign(receipt_.place);
    if (commands_.parts_.draining) {
      expired();
      return;
    }
    lane_.hold(partition, offset, receipt_.place.nonce, std::move(self), now_us,
               begun_us_ + limits::command_wait_ms * 1'000);
  }
  void not_stored(Error::Kind) override {
    tell_unavailable(Error::Kind::overloaded,
                     "The log did not acknowledge the command; asking again with the same key is safe.", on_answer_);
  }
  void decided(const Found& found, std::int64_t) override {
    if (found.kind != Found::Kind::decided) {
      expired();
      return;
    }
    commands_.read_result(lane_.io(), receipt_, on_answer_);
  }
  void expired() override { commands_.tell_undecided(receipt_, on_answer_); }

 private:
  Commands& commands_;
  Lane& lane_;
  NamedReceipt receipt_;
  Seat seat_;
  OnCommandAnswer on_answer_;
  std::int64_t begun_us_;
};

std::string Commands::generated_key() {
  std::array<std::uint8_t, 16> bytes{};
  crypto::random_bytes(bytes);
  return "generated-" + crypto::hex(bytes);
}

struct Commands::Creation {
  CommandCall call;
  issuance::CampaignTerms terms;
  OnCommandAnswer on_answer;
  std::int64_t begun_us = 0;  // of the call, whichever id is tried
  CampaignId tried{0};        // the id that was reserved before; they begin at 1
  int ids_tried = 0;
};

void Commands::create(ports::IoThread& io, CommandCall call, issuance::CampaignTerms terms,
                      const OnCommandAnswer& on_answer) {
  create(io, {std::move(call), std::move(terms), on_answer, parts_.clock.monotonic_us()});
}

void Commands::create(ports::IoThread& io, Creation creation) {
  const OnCommandAnswer on_answer = creation.on_answer;
  const bool accepted =
      parts_.pool.submit([this, &io, creation = std::move(creation)](ports::GatewayStore& store) mutable {
        auto reserved = store.reserve_campaign(creation.call.key, parts_.partitions);
        io.post([this, &io, creation = std::move(creation), reserved = std::move(reserved)]() mutable {
          if (!reserved) return tell_unavailable(reserved.error().kind, {}, creation.on_answer);
          create_reserved(io, std::move(creation), *reserved);
        });
      });
  if (!accepted) tell_unavailable(Error::Kind::overloaded, StorePool::full, on_answer);
}

void Commands::create_reserved(ports::IoThread& io, Creation creation, const ports::Reservation& reserved) {
  // The id is this key's, and the campaign has forgotten the key.
  if (reserved.campaign == creation.tried) return show_as_it_is(io, reserved.campaign, creation.on_answer);
  if (creation.ids_tried == ids_tried_max) {
    return tell_unavailable(Error::Kind::overloaded,
                            "Other campaigns have the ids that were reserved; asking again with the same key is safe.",
                            creation.on_answer);
  }
  creation.tried = reserved.campaign;
  ++creation.ids_tried;
  const issuance::CampaignCommand command{reserved.campaign, creation.call.key,
                                          issuance::CreateCampaign{creation.terms}};
  const std::optional<TraceContext> trace = creation.call.trace;
  const std::int64_t begun_us = creation.begun_us;
  run(io, reserved.partition, command, trace, begun_us,
      [this, &io, creation = std::move(creation)](CommandAnswer answer) {
        const bool exists =
            answer.kind == Kind::refused && answer.outcome == issuance::Outcome::command_campaign_exists;
        exists ? create(io, creation) : creation.on_answer(std::move(answer));
      });
}

void Commands::change(ports::IoThread& io, CampaignId campaign, CommandCall call, Action action,
                      OnCommandAnswer on_answer) {
  parts_.directory.find(io, campaign,
                        [this, &io, campaign, call = std::move(call), action = std::move(action),
                         on_answer = std::move(on_answer)](const Result<CampaignView>& view) {
                          if (view) {
                            run(io, view->details->partition, {campaign, call.key, action}, call.trace,
                                parts_.clock.monotonic_us(), on_answer);
                          } else if (view.error().kind == Error::Kind::not_found) {
                            tell_refused(issuance::Outcome::campaign_not_found, on_answer);
                          } else {
                            tell_unavailable(view.error().kind, {}, on_answer);
                          }
                        });
}

void Commands::run(ports::IoThread& io, Partition partition, const issuance::CampaignCommand& command,
                   const std::optional<TraceContext>& trace, std::int64_t begun_us, OnCommandAnswer on_answer) {
  std::optional<Seat> seat = parts_.commands.take();
  if (!seat) {
    tell_unavailable(Error::Kind::overloaded, "Too many commands wait for their outcome.", on_answer);
    return;
  }
  const std::uint32_t nonce = parts_.random_u32();
  const std::string value = wire::encode_command(nonce, command);
  if (value.size() > limits::record_bytes_max) {
    CommandAnswer answer;
    answer.kind = Kind::too_large;
    on_answer(std::move(answer));
    return;
  }
  Lane& lane = parts_.lanes.of(io);
  lane.append(parts_.appender, partition, std::to_string(command.campaign.value), value, trace,
              std::make_unique<Running>(*this, lane, command.campaign, nonce, std::move(*seat), begun_us,
                                        std::move(on_answer)));
}

void Commands::tell_undecided(const NamedReceipt& receipt, const OnCommandAnswer& on_answer) {
  CommandAnswer answer;
  answer.kind = Kind::undecided;
  answer.receipt = receipt;
  answer.position = receipt.place.offset - parts_.window.highest(receipt.place.partition);
  on_answer(std::move(answer));
}

void Commands::read_result(ports::IoThread& io, const NamedReceipt& receipt, const OnCommandAnswer& on_answer) {
  const bool accepted = parts_.pool.submit([this, &io, receipt, on_answer](ports::GatewayStore& store) {
    io.post([this, &io, receipt, on_answer,
             stored = look_up_command(store, receipt.place.partition, receipt.place.offset)] {
      tell_stored(io, receipt, stored, on_answer);
    });
  });
  // It is decided, but its result can't be read now: the receipt stays good.
  if (!accepted) tell_undecided(receipt, on_answer);
}

void Commands::tell_stored(ports::IoThread& io, const NamedReceipt& receipt, const Result<StoredCommand>& stored,
                           const OnCommandAnswer& on_answer) {
  if (!stored || stored->outcome == issuance::Outcome::none || stored->outcome == issuance::Outcome::dead_lettered) {
    tell_undecided(receipt, on_answer);
    return;
  }
  if (stored->after) {
    parts_.cache.apply(*stored->after, receipt.place.partition, stored->offset);
    tell_applied(*stored->after, on_answer);
    return;
  }
  // The first use of the key is no longer kept.
  if (stored->outcome == issuance::Outcome::command_applied || stored->outcome == issuance::Outcome::command_repeated) {
    show_as_it_is(io, receipt.place.campaign, on_answer);
    return;
  }
  tell_refused(stored->outcome, on_answer);
}

void Commands::show_as_it_is(ports::IoThread& io, CampaignId campaign, const OnCommandAnswer& on_answer) {
  parts_.directory.load(io, campaign, [on_answer](const Result<CampaignView>& view) {
    if (!view) return tell_unavailable(view.error().kind, {}, on_answer);
    tell_applied(to_campaign(*view), on_answer);
  });
}

}  // namespace openrun::gateway
