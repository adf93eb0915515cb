#include "tls.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <limits>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <openrun/base/assert.hpp>

namespace openrun::http {
namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;

template <auto Release>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    Release(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

std::string reason() {
  const unsigned long code = ERR_peek_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return text == nullptr ? "unknown reason" : text;
}

// ---- the socket as OpenSSL sees it: its own would raise SIGPIPE where the client has gone ----

int socket_of(BIO* bio) {
  return *static_cast<const int*>(BIO_get_data(bio));
}

int done(BIO* bio, ssize_t count, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  }
  return static_cast<int>(count);
}

int read_socket(BIO* bio, char* buffer, int size) {
  return done(bio, ::recv(socket_of(bio), buffer, static_cast<std::size_t>(size), 0), BIO_FLAGS_READ);
}

int write_socket(BIO* bio, const char* bytes, int size) {
  return done(bio, ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

long control_socket(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int release_socket(BIO* bio) {
  delete static_cast<int*>(BIO_get_data(bio));
  return 1;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    OPENRUN_ASSERT(made != nullptr, "OpenSSL has memory");
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_ctrl(made, control_socket);
    BIO_meth_set_destroy(made, release_socket);
    return made;
  }();
  return method;
}

// ---- the context ----

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char known[] = "\x08http/1.1";
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size, known, sizeof known - 1,
                                          offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Nobody is there to type one in.
int no_password(char*, int, int, void*) {
  return -1;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || text.empty() || text.size() > file_bytes_max) {
    return fail(Error::Kind::invalid, "cannot read " + path + "; name a readable PEM file");
  }
  return text;
}

Bio reader_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool use_certificates(SSL_CTX* context, const std::string& text) {
  const Bio bio = reader_of(text);
  const Certificate own(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
  while (X509* const next = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    if (SSL_CTX_add_extra_chain_cert(context, next) == 1) continue;
    X509_free(next);
    return false;
  }
  ERR_clear_error();  // the end of the file is one
  return true;
}

void set_rules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Written pieces move in their buffer while the socket is full, and idle connections keep no buffers.
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // clients resume by tickets; nothing is kept here
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

TlsSession::~TlsSession() {
  SSL_free(session_);
}

bool TlsSession::is_established() const {
  return SSL_is_init_finished(session_) == 1;
}

ssize_t TlsSession::outcome_of(int result) {
  const int error = SSL_get_error(session_, result);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  switch (error) {
    case SSL_ERROR_NONE:
      return result;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    default:
      is_broken_ = true;
      ERR_clear_error();
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsSession::read(char* buffer, std::size_t size) {
  ERR_clear_error();
  return outcome_of(SSL_read(session_, buffer, static_cast<int>(std::min<std::size_t>(size, 1U << 30U))));
}

ssize_t TlsSession::write(const char* bytes, std::size_t size) {
  ERR_clear_error();
  return outcome_of(SSL_write(session_, bytes, static_cast<int>(std::min<std::size_t>(size, 1U << 30U))));
}

void TlsSession::finish_output() {
  if (is_broken_ || !is_established()) return;
  ERR_clear_error();
  if (SSL_shutdown(session_) < 0) ERR_clear_error();
}

Result<TlsContext::Pair> TlsContext::read_files() const {
  auto certificate = read_file(files_.certificate);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = read_file(files_.key);
  if (!key) return std::unexpected(key.error());
  return Pair{std::move(*certificate), std::move(*key)};
}

Result<TlsContext::Context> TlsContext::made_of(const Pair& pair) const {
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return fail(Error::Kind::internal, "OpenSSL gives no context: " + reason());
  set_rules(context.get());
  if (!use_certificates(context.get(), pair.certificate)) {
    return fail(Error::Kind::invalid, files_.certificate + " holds no usable certificate: " + reason() +
                                          "; it must be PEM, the server's own certificate first");
  }
  const Bio bio = reader_of(pair.key);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) {
    return fail(Error::Kind::invalid,
                files_.key + " holds no usable key: " + reason() + "; it must be PEM and not encrypted");
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(Error::Kind::invalid,
                files_.key + " is not the key of the certificate in " + files_.certificate + ": " + reason());
  }
  return context;
}

Result<std::unique_ptr<TlsContext>> TlsContext::load(TlsFiles files, ports::Logger& logger) {
  std::unique_ptr<TlsContext> made(new TlsContext(std::move(files), logger));
  auto pair = made->read_files();
  if (!pair) return std::unexpected(pair.error());
  auto context = made->made_of(*pair);
  if (!context) return std::unexpected(context.error());
  made->context_ = std::move(*context);
  made->current_ = std::move(*pair);
  return made;
}

void TlsContext::refresh() {
  auto pair = read_files();
  if (pair && *pair == current_) {
    refused_ = {};
    last_failure_.clear();
    return;
  }
  if (pair && *pair == refused_) return;
  auto context = pair ? made_of(*pair) : Result<Context>(std::unexpected(pair.error()));
  if (!context) {
    if (pair) refused_ = std::move(*pair);
    if (last_failure_ == context.error().message) return;
    last_failure_ = context.error().message;
    logger_.error("the new certificate is not taken; the old one stays", {{"error", last_failure_}});
    return;
  }
  last_failure_.clear();
  current_ = std::move(*pair);
  logger_.info("new connections get the new certificate", {{"file", files_.certificate}});
  const std::lock_guard lock(mutex_);
  context_ = std::move(*context);
}

std::unique_ptr<TlsSession> TlsContext::session(int socket) {
  Context context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  SSL* const session = SSL_new(context.get());
  BIO* const bio = BIO_new(socket_method());
  OPENRUN_ASSERT(session != nullptr && bio != nullptr, "OpenSSL has memory");
  auto held = std::make_unique<int>(socket);
  BIO_set_data(bio, held.release());
  BIO_set_init(bio, 1);
  SSL_set_bio(session, bio, bio);
  SSL_set_accept_state(session);
  return std::make_unique<TlsSession>(session);
}

}  // namespace openrun::http
