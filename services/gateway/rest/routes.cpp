#include "gateway/rest/routes.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view placeholder = "{}";

}  // namespace

// Counts the answer and its duration on the way out.
class Router::Counted final : public ports::HttpReply {
 public:
  Counted(std::shared_ptr<ports::HttpReply> inner, const Instruments& instruments, const ports::Clock& clock,
          std::int64_t begun_us)
      : inner_(std::move(inner)), instruments_(instruments), clock_(clock), begun_us_(begun_us) {}

  void send(ports::HttpResponse response) override {
    count(response);
    quota.tell(response);
    inner_->send(std::move(response));
  }
  [[nodiscard]] std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse head) override {
    count(head);
    quota.tell(head);
    return inner_->stream(std::move(head));
  }
  [[nodiscard]] bool abandoned() const override { return inner_->abandoned(); }

  Quota quota;

 private:
  void count(const ports::HttpResponse& response) {
    const std::size_t status_class = std::clamp<std::size_t>(response.status / 100, 1, 5) - 1;
    instruments_.by_class[status_class]->add();
    instruments_.seconds->observe(static_cast<double>(clock_.monotonic_us() - begun_us_) * 1e-6);
  }

  std::shared_ptr<ports::HttpReply> inner_;
  const Instruments& instruments_;
  const ports::Clock& clock_;
  std::int64_t begun_us_;
};

Router::Instruments Router::instruments(ports::Metrics& metrics, std::string_view pattern) {
  static constexpr std::array<const char*, 5> classes{"1xx", "2xx", "3xx", "4xx", "5xx"};
  static const std::vector<double> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                          0.25,   0.5,   1,      2.5,   5,    10,    30};
  Instruments made{};
  const std::string route(pattern);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    made.by_class[i] =
        &metrics.counter("openrun_http_requests_total", "HTTP requests answered, by route and class of status",
                         {{"route", route}, {"status", classes[i]}});
  }
  made.seconds =
      &metrics.histogram("openrun_http_request_seconds",
                         "Time from a request's arrival to its answer (of a stream: to its head), waits included",
                         bounds, {{"route", route}});
  return made;
}

Router::Router(std::vector<Route> routes, ports::Metrics& metrics, const ports::Clock& clock, AtDoor at_door)
    : other_(instruments(metrics, "other")), clock_(clock), at_door_(std::move(at_door)) {
  for (Route& route : routes) {
    Entry entry{.method = route.method,
                .before = route.pattern,
                .after = {},
                .has_argument = false,
                .pattern = route.pattern,
                .handler = std::move(route.handler),
                .door = route.door,
                .submit_argument = route.submit_argument,
                .instruments = instruments(metrics, route.pattern)};
    const std::size_t at = route.pattern.find(placeholder);
    if (at != std::string_view::npos) {
      entry.has_argument = true;
      entry.before = route.pattern.substr(0, at);
      entry.after = route.pattern.substr(at + placeholder.size());
    }
    entries_.push_back(std::move(entry));
  }
}

bool Router::matches(const Entry& entry, std::string_view path, std::string_view& argument) {
  if (!entry.has_argument) return path == entry.before;
  if (path.size() <= entry.before.size() + entry.after.size()) return false;
  if (!path.starts_with(entry.before) || !path.ends_with(entry.after)) return false;
  argument = path.substr(entry.before.size(), path.size() - entry.before.size() - entry.after.size());
  return argument.find('/') == std::string_view::npos;
}

std::string Router::allowed(std::string_view path) const {
  std::string methods;
  std::string_view argument;
  for (const Entry& entry : entries_) {
    if (!matches(entry, path, argument)) continue;
    if (!methods.empty()) methods += ", ";
    methods += ports::to_string(entry.method);
    if (entry.method == ports::HttpMethod::get) methods += ", HEAD";
  }
  if (!methods.empty()) methods += ", OPTIONS";
  return methods;
}

std::vector<std::string> Router::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    std::string name(ports::to_string(entry.method));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    names.push_back(name + ' ' + std::string(entry.pattern));
  }
  return names;
}

bool Router::is_submit(std::string_view method, std::string_view path) const {
  if (method != ports::to_string(ports::HttpMethod::post)) return false;
  std::string_view argument;
  for (const Entry& entry : entries_) {
    if (entry.method != ports::HttpMethod::post || !matches(entry, path, argument)) continue;
    return entry.door == Door::submit || (entry.has_argument && argument == entry.submit_argument);
  }
  return false;
}

void Router::handle(ports::IoThread& io, const ports::HttpRequest& request,
                    std::shared_ptr<ports::HttpReply> reply) const {
  const std::int64_t now_us = clock_.monotonic_us();
  const ports::HttpMethod method = request.method == ports::HttpMethod::head ? ports::HttpMethod::get : request.method;
  std::string_view argument;
  for (const Entry& entry : entries_) {
    if (entry.method != method || !matches(entry, request.path, argument)) continue;
    auto counted = std::make_shared<Counted>(std::move(reply), entry.instruments, clock_, now_us);
    Quota* const quota = &counted->quota;
    Call call{io, request, argument, std::move(counted), quota, now_us};
    if (at_door_) {
      if (auto refusal = at_door_(call, entry.door)) return call.reply->send(std::move(*refusal));
    }
    entry.handler(call);
    return;
  }
  Counted counted(std::move(reply), other_, clock_, now_us);
  const bool is_whole_server = method == ports::HttpMethod::options && request.path == "*";
  std::string methods = is_whole_server ? "GET, HEAD, POST, PUT, PATCH, OPTIONS" : allowed(request.path);
  if (methods.empty()) {
    counted.send(not_found("There is nothing at this path."));
    return;
  }
  if (method == ports::HttpMethod::options) {
    ports::HttpResponse response;
    response.status = 204;
    response.headers.emplace_back("Allow", std::move(methods));
    counted.send(std::move(response));
    return;
  }
  ports::HttpResponse response = problem(405, "METHOD_NOT_ALLOWED", "This path does not take this method.");
  response.headers.emplace_back("Allow", std::move(methods));
  counted.send(std::move(response));
}

}  // namespace openrun::gateway
