#include <utility>

#include <librdkafka/rdkafka.h>

#include <openrun/kafka/health.hpp>

#include "refusals.hpp"

namespace openrun::kafka {
namespace {

// Label values; in the order of Trouble.
constexpr std::array<const char*, troubles> names{"UNAUTHENTICATED", "UNTRUSTED", "CUT_OFF"};

// Before 2.6.1 librdkafka's SCRAM repeats its nonce, and brokers of Kafka 4 take that for a wrong password.
std::string scram_hint() {
  constexpr int repaired = 0x020601FF;
  return rd_kafka_version() < repaired
             ? std::string(" (SCRAM does not work with librdkafka ") + rd_kafka_version_str() + " and Kafka 4)"
             : std::string();
}

}  // namespace

std::string sentence(Trouble trouble) {
  switch (trouble) {
    case Trouble::unauthenticated:
      return "Kafka does not let this daemon in; check kafka.sasl_password_file, and sasl.username, sasl.password and "
             "sasl.mechanism in kafka.librdkafka" +
             scram_hint();
    case Trouble::untrusted:
      return "TLS to Kafka fails; check ssl.ca.location, ssl.certificate.location and ssl.key.location in "
             "kafka.librdkafka, and that the broker's certificate names the host in kafka.brokers";
    case Trouble::cut_off:
      return "Kafka ends the connection at once; check security.protocol in kafka.librdkafka, and the port in "
             "kafka.brokers";
  }
  std::unreachable();
}

// ---- which trouble it is ----

std::optional<Trouble> trouble_in(std::string_view line) {
  const auto holds = [line](std::string_view part) { return line.find(part) != std::string_view::npos; };
  if (holds("SASL") || holds("uthentication")) return Trouble::unauthenticated;
  if (holds("SSL handshake failed") || holds("certificate") || holds("alert")) return Trouble::untrusted;
  if (holds("incorrect security.protocol")) return Trouble::cut_off;
  return std::nullopt;
}

// ---- Refusals ----

Refusals::~Refusals() {
  if (health_ != nullptr) health_->gone(this);
}

void Refusals::heard(std::string_view line) {
  const auto trouble = trouble_in(line);
  if (!trouble) return;
  const auto now = Health::Clock::now();
  const std::lock_guard lock(mutex_);
  last_ = Refusal{*trouble, std::string(line)};
  at_ = now;
  was_refused_ = true;
  if (health_ != nullptr) health_->refused(this, *last_, now);
}

void Refusals::served() {
  if (!was_refused_) return;
  const std::lock_guard lock(mutex_);
  last_.reset();
  was_refused_ = false;
  if (health_ != nullptr) health_->served(this);
}

Error Refusals::explained(Error error) const {
  const std::lock_guard lock(mutex_);
  if (last_ && error.kind == Error::Kind::unavailable && Health::Clock::now() - at_ < Health::forgotten_after)
    error.message += "; " + sentence(last_->trouble) + "; librdkafka says: " + last_->text;
  return error;
}

// ---- Health ----

Health::Health(ports::Logger& logger, ports::Metrics& metrics) : logger_(logger) {
  for (std::size_t i = 0; i < troubles; ++i) {
    gauges_.at(i) = &metrics.gauge("openrun_log_trouble", "1 while Kafka does not let this daemon in for this reason.",
                                   {{"cause", names.at(i)}});
    gauges_.at(i)->set(0);
  }
}

void Health::refused(const void* handle, const Refusal& refusal, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  states_.insert_or_assign(handle, State{refusal.trouble, now});
  const auto index = static_cast<std::size_t>(std::to_underlying(refusal.trouble));
  if (!stands_.at(index)) {
    logger_.warning(
        "Kafka does not let this daemon in",
        {{"cause", std::string(names.at(index))}, {"detail", sentence(refusal.trouble)}, {"error", refusal.text}});
  }
  show();
}

void Health::served(const void* handle) {
  const std::lock_guard lock(mutex_);
  if (states_.erase(handle) == 0) return;
  show();
  if (states_.empty()) logger_.info("Kafka lets this daemon in again");
}

void Health::gone(const void* handle) {
  const std::lock_guard lock(mutex_);
  if (states_.erase(handle) != 0) show();
}

void Health::show() {
  stands_.fill(false);
  for (const auto& [handle, state] : states_) stands_.at(std::to_underlying(state.trouble)) = true;
  for (std::size_t i = 0; i < troubles; ++i) gauges_.at(i)->set(stands_.at(i) ? 1 : 0);
}

std::string Health::trouble(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(states_, [now](const auto& entry) { return now - entry.second.seen_at >= forgotten_after; });
  show();
  std::string text;
  for (std::size_t i = 0; i < troubles; ++i) {
    if (!stands_.at(i)) continue;
    if (!text.empty()) text += "; ";
    text += sentence(static_cast<Trouble>(i));
  }
  return text;
}

}  // namespace openrun::kafka
