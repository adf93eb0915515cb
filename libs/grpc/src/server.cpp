#include <atomic>
#include <fstream>
#include <optional>
#include <utility>

#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>

#include <openrun/grpc/server.hpp>

#include "translate.hpp"

namespace openrun::rpc {
namespace {

using std::chrono::milliseconds;
constexpr unsigned certificate_check_seconds = 5;
constexpr std::int64_t deadline_ms_max = 9'999'999'999;  // what Connect-Timeout-Ms can say

// What all calls share. Outlives them: gRPC's server waits for its reactors.
struct Shared {
  ServerOptions options;
  ports::HttpHandler handler;
  std::vector<ports::IoThread*> threads;
  std::atomic<std::size_t> next_thread{0};
  std::atomic<std::size_t> under_way{0};
};

std::string text_of(const ::grpc::string_ref& text) {
  return {text.data(), text.size()};
}

std::optional<std::string> bytes_of(const ::grpc::ByteBuffer& buffer) {
  std::vector<::grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return std::nullopt;
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const ::grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// One call, from its message to its status. gRPC keeps it alive until finish() was called and has been done.
class UnaryCall final : public ::grpc::ServerGenericBidiReactor {
 public:
  UnaryCall(Shared& shared, ::grpc::GenericCallbackServerContext& context) : shared_(shared), context_(context) {
    if (shared_.under_way.fetch_add(1) >= shared_.options.calls_max) {
      Finish({::grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls are under way; try again"});
    } else if (!is_method_path(context_.method())) {
      Finish({::grpc::StatusCode::UNIMPLEMENTED, "there is no such method"});
    } else {
      StartRead(&message_);
    }
  }

  void finish(ports::HttpResponse response) {
    const Status status = status_of(response);
    if (!status.retry_after.empty()) context_.AddTrailingMetadata("retry-after", status.retry_after);
    if (status.code != 0) {
      Finish({static_cast<::grpc::StatusCode>(status.code), status.message});
      return;
    }
    const ::grpc::Slice slice(response.body);
    message_ = ::grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&message_, {}, ::grpc::Status::OK);
  }
  [[nodiscard]] bool is_cancelled() const { return is_cancelled_; }

 private:
  class Reply;

  void OnReadDone(bool ok) override;
  void OnCancel() override { is_cancelled_ = true; }
  void OnDone() override {
    shared_.under_way.fetch_sub(1);
    delete this;
  }
  void hand_over(ports::IoThread& io, std::string body);

  Shared& shared_;
  ::grpc::GenericCallbackServerContext& context_;
  ::grpc::ByteBuffer message_;
  std::atomic<bool> is_cancelled_{false};
};

// The call is there until finish(), which this calls exactly once.
class UnaryCall::Reply final : public ports::HttpReply {
 public:
  explicit Reply(UnaryCall& call) : call_(&call) {}
  ~Reply() override {
    if (call_ == nullptr) return;
    ports::HttpResponse nothing;
    nothing.status = 500;
    send(std::move(nothing));
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void send(ports::HttpResponse response) override {
    if (UnaryCall* const call = std::exchange(call_, nullptr)) call->finish(std::move(response));
  }
  std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse) override {
    ports::HttpResponse unimplemented;
    unimplemented.status = 404;
    send(std::move(unimplemented));
    return std::make_shared<Nowhere>();
  }
  [[nodiscard]] bool abandoned() const override { return call_ == nullptr || call_->is_cancelled(); }

 private:
  struct Nowhere final : ports::HttpStream {
    void write(std::string_view) override {}
    void finish() override {}
    [[nodiscard]] std::size_t unsent() const override { return 0; }
    void when_unsent_below(std::size_t, std::function<void()> ready) override { ready(); }
    [[nodiscard]] bool abandoned() const override { return true; }
  };

  UnaryCall* call_;
};

void UnaryCall::OnReadDone(bool ok) {
  if (!ok) {
    Finish({::grpc::StatusCode::INVALID_ARGUMENT, "the call carries no message"});
    return;
  }
  std::optional<std::string> body = bytes_of(message_);
  message_.Clear();
  if (!body) {
    Finish({::grpc::StatusCode::INVALID_ARGUMENT, "the message can't be read"});
    return;
  }
  ports::IoThread& io = *shared_.threads[shared_.next_thread.fetch_add(1) % shared_.threads.size()];
  io.post([this, &io, body = std::move(*body)]() mutable { hand_over(io, std::move(body)); });
}

void UnaryCall::hand_over(ports::IoThread& io, std::string body) {
  // What the request's views point to.
  std::vector<std::pair<std::string, std::string>> headers{{"Content-Type", "application/proto"}};
  for (const auto& [name, value] : context_.client_metadata()) {
    if (is_passed_on({name.data(), name.size()})) headers.emplace_back(text_of(name), text_of(value));
  }
  const auto left = context_.deadline() - std::chrono::system_clock::now();
  const std::int64_t left_ms = std::chrono::duration_cast<milliseconds>(left).count();
  if (left_ms <= deadline_ms_max)
    headers.emplace_back("Connect-Timeout-Ms", std::to_string(std::max<std::int64_t>(left_ms, 0)));
  const std::string address = address_of_peer(context_.peer());
  ports::HttpRequest request;
  request.method = ports::HttpMethod::post;
  request.target = context_.method();
  request.path = request.target;
  request.body = body;
  request.remote_address = address;
  for (const auto& [name, value] : headers) request.headers.emplace_back(name, value);
  shared_.handler(io, request, std::make_shared<Reply>(*this));
}

class GrpcServer final : public Server, private ::grpc::CallbackGenericService {
 public:
  explicit GrpcServer(ServerOptions options) {
    shared_.options = std::move(options);
    // Its lines on stderr are no JSON; what matters of them is told by start().
    gpr_set_log_verbosity(static_cast<gpr_log_severity>(GPR_LOG_SEVERITY_ERROR + 1));
  }
  ~GrpcServer() override { drain(milliseconds(0)); }
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  Result<void> start(ports::HttpHandler handler, std::vector<ports::IoThread*> threads) override {
    shared_.handler = std::move(handler);
    shared_.threads = std::move(threads);
    auto credentials = make_credentials();
    if (!credentials) return std::unexpected(credentials.error());
    const std::string address = shared_.options.address + ":" + std::to_string(shared_.options.port);
    ::grpc::ServerBuilder builder;
    // Two servers on one port would share its calls by chance.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(static_cast<int>(shared_.options.message_bytes_max));
    builder.AddListeningPort(address, *credentials, &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    if (server_ && port_ != 0) return {};
    server_.reset();
    return fail(Error::Kind::unavailable, "cannot listen for gRPC on " + address + ": is the port taken?");
  }
  [[nodiscard]] std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }

  void drain(milliseconds grace) override {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    server_.reset();
  }

 private:
  ::grpc::ServerGenericBidiReactor* CreateReactor(::grpc::GenericCallbackServerContext* context) override {
    return new UnaryCall(shared_, *context);  // gRPC ends its life by OnDone
  }

  Result<std::shared_ptr<::grpc::ServerCredentials>> make_credentials() const {
    const ServerOptions& options = shared_.options;
    if (options.tls_certificate_file.empty()) return ::grpc::InsecureServerCredentials();
    for (const std::string& file : {options.tls_key_file, options.tls_certificate_file}) {
      if (!std::ifstream(file))
        return fail(Error::Kind::invalid, "cannot read " + file + ": is it there, and readable?");
    }
    // A new pair counts for new connections.
    ::grpc::experimental::TlsServerCredentialsOptions tls(
        std::make_shared<::grpc::experimental::FileWatcherCertificateProvider>(
            options.tls_key_file, options.tls_certificate_file, certificate_check_seconds));
    tls.watch_identity_key_cert_pairs();
    return ::grpc::experimental::TlsServerCredentials(tls);
  }

  Shared shared_;
  int port_ = 0;
  std::unique_ptr<::grpc::Server> server_;
};

}  // namespace

std::unique_ptr<Server> make_server(ServerOptions options) {
  return std::make_unique<GrpcServer>(std::move(options));
}

}  // namespace openrun::rpc
