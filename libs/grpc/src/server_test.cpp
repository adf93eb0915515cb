// A real gRPC client against the adapter, with a handler of the test's behind it.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <openrun/grpc/server.hpp>

namespace openrun::rpc {
namespace {

constexpr std::chrono::seconds patience{20};

class Thread final : public ports::IoThread {
 public:
  Thread() : thread_([this] { run(); }) {}
  ~Thread() override {
    post({});
    thread_.join();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  [[nodiscard]] std::size_t index() const override { return 0; }
  [[nodiscard]] std::size_t awake_connections() const override { return 0; }
  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    changed_.notify_all();
  }
  void after(std::int64_t, std::function<void()> work) override { post(std::move(work)); }

 private:
  void run() {
    for (;;) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !work_.empty(); });
        next = std::move(work_.front());
        work_.pop_front();
      }
      if (!next) return;
      next();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  std::thread thread_;
};

struct Called {
  ::grpc::Status status;
  std::string message;
  std::string retry_after;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void start(ports::HttpHandler handler, ServerOptions options = {}) {
    options.port = 0;
    server_ = make_server(options);
    const auto started = server_->start(std::move(handler), {&thread_});
    ASSERT_TRUE(started) << started.error().message;
    stub_ = std::make_unique<::grpc::GenericStub>(
        ::grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), ::grpc::InsecureChannelCredentials()));
  }
  Called call(const std::string& method, const std::string& message,
              const std::map<std::string, std::string>& metadata = {}, std::chrono::milliseconds timeout = patience) {
    ::grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    const ::grpc::Slice slice(message);
    const ::grpc::ByteBuffer request(&slice, 1);
    ::grpc::ByteBuffer response;
    std::mutex mutex;
    std::condition_variable done;
    bool is_done = false;
    Called called;
    stub_->UnaryCall(&context, method, {}, &request, &response, [&](::grpc::Status status) {
      const std::lock_guard lock(mutex);
      called.status = std::move(status);
      is_done = true;
      done.notify_all();
    });
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return is_done; });
    std::vector<::grpc::Slice> slices;
    (void)response.Dump(&slices);
    for (const auto& part : slices) called.message.append(reinterpret_cast<const char*>(part.begin()), part.size());
    const auto& trailers = context.GetServerTrailingMetadata();
    if (const auto found = trailers.find("retry-after"); found != trailers.end())
      called.retry_after = std::string(found->second.data(), found->second.size());
    return called;
  }

  Thread thread_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<::grpc::GenericStub> stub_;
};

ports::HttpResponse echo(const ports::HttpRequest& request) {
  ports::HttpResponse response;
  response.content_type = "application/proto";
  response.body = std::string(request.path) + "|" + std::string(request.body) + "|" +
                  std::string(request.header("Authorization")) + "|" + std::string(request.header("Content-Type")) +
                  "|" + std::string(request.remote_address);
  return response;
}

void answer_echo(ports::IoThread&, const ports::HttpRequest& request, const std::shared_ptr<ports::HttpReply>& reply) {
  reply->send(echo(request));
}

TEST_F(GrpcServerTest, ACallIsAPostOfItsMessage) {
  start(answer_echo);
  const Called called = call("/a.B/C", "hello", {{"authorization", "Bearer x"}});
  EXPECT_TRUE(called.status.ok()) << called.status.error_message();
  EXPECT_EQ(called.message, "/a.B/C|hello|Bearer x|application/proto|127.0.0.1");
}

TEST_F(GrpcServerTest, AnAnswerMayComeLaterAndFromAnotherThread) {
  std::thread later;
  start([&](ports::IoThread&, const ports::HttpRequest& request, std::shared_ptr<ports::HttpReply> reply) {
    later = std::thread(
        [reply = std::move(reply), response = echo(request)]() mutable { reply->send(std::move(response)); });
  });
  EXPECT_TRUE(call("/a.B/C", "hello").status.ok());
  later.join();
}

TEST_F(GrpcServerTest, AFailureIsAStatus) {
  start([](ports::IoThread&, const ports::HttpRequest&, const std::shared_ptr<ports::HttpReply>& reply) {
    ports::HttpResponse response;
    response.status = 503;
    response.content_type = "application/json";
    response.headers.emplace_back("Retry-After", "2");
    response.body = R"({"code":"unavailable","message":"later"})";
    reply->send(std::move(response));
  });
  const Called called = call("/a.B/C", "");
  EXPECT_EQ(called.status.error_code(), ::grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(called.status.error_message(), "later");
  EXPECT_EQ(called.retry_after, "2");
}

TEST_F(GrpcServerTest, TheDeadlineIsHandedOver) {
  std::string told;
  start([&](ports::IoThread&, const ports::HttpRequest& request, const std::shared_ptr<ports::HttpReply>& reply) {
    told = std::string(request.header("Connect-Timeout-Ms"));
    reply->send(echo(request));
  });
  EXPECT_TRUE(call("/a.B/C", "").status.ok());
  EXPECT_GT(std::stol(told), 0);
  EXPECT_LE(std::stol(told), 21'000) << "gRPC rounds up what it writes";
}

TEST_F(GrpcServerTest, ACallThatTheHandlerDropsIsAnInternalError) {
  start([](ports::IoThread&, const ports::HttpRequest&, const std::shared_ptr<ports::HttpReply>&) {});
  EXPECT_EQ(call("/a.B/C", "").status.error_code(), ::grpc::StatusCode::INTERNAL);
}

TEST_F(GrpcServerTest, WhatIsNoServiceIsUnimplementedAndReachesNobody) {
  start([](ports::IoThread&, const ports::HttpRequest&, const std::shared_ptr<ports::HttpReply>&) { FAIL(); });
  EXPECT_EQ(call("/v1/campaigns", "").status.error_code(), ::grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcServerTest, AMessageAboveTheBoundIsRefused) {
  ServerOptions options;
  options.message_bytes_max = 1'000;
  start(answer_echo, options);
  EXPECT_TRUE(call("/a.B/C", std::string(900, 'x')).status.ok());
  EXPECT_EQ(call("/a.B/C", std::string(1'100, 'x')).status.error_code(), ::grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcServerTest, MoreCallsThanTheBoundAreRefused) {
  ServerOptions options;
  options.calls_max = 0;
  start(answer_echo, options);
  EXPECT_EQ(call("/a.B/C", "").status.error_code(), ::grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcServerTest, ACallerWhoGivesUpIsSeen) {
  std::shared_ptr<ports::HttpReply> held;
  start([&](ports::IoThread&, const ports::HttpRequest&, std::shared_ptr<ports::HttpReply> reply) {
    held = std::move(reply);
  });
  EXPECT_EQ(call("/a.B/C", "", {}, std::chrono::milliseconds(300)).status.error_code(),
            ::grpc::StatusCode::DEADLINE_EXCEEDED);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!held->abandoned() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(held->abandoned());
  held.reset();
}

TEST_F(GrpcServerTest, APortThatIsTakenIsTold) {
  start(answer_echo);
  ServerOptions options;
  options.port = server_->port();
  const auto second = make_server(options);
  const auto started = second->start(answer_echo, {&thread_});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("127.0.0.1:" + std::to_string(server_->port())), std::string::npos);
}

}  // namespace
}  // namespace openrun::rpc
