#include "tls_client.hpp"

#include <array>
#include <csignal>
#include <memory>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace openrun::http::testing {
namespace {

constexpr timeval patience_as_time{.tv_sec = 10, .tv_usec = 0};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

PemPair self_signed(const std::string& common_name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate_text(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_text(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate_text.get()), text_of(key_text.get())};
}

TlsClient::TlsClient(std::uint16_t port, const TlsWishes& wishes)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), context_(SSL_CTX_new(TLS_client_method())) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own sockets raise it; the server's must not
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience_as_time, sizeof patience_as_time);
  const bool is_connected = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  SSL_CTX_set_security_level(context_, 0);  // so that the server is the one who refuses
  SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_, wishes.version_max);
  session_ = SSL_new(context_);
  if (!wishes.protocols.empty()) {
    SSL_set_alpn_protos(session_, reinterpret_cast<const unsigned char*>(wishes.protocols.data()),
                        static_cast<unsigned>(wishes.protocols.size()));
  }
  SSL_set_fd(session_, socket_);
  is_established_ = is_connected && SSL_connect(session_) == 1;
  ERR_clear_error();
}

TlsClient::~TlsClient() {
  SSL_free(session_);
  SSL_CTX_free(context_);
  ::close(socket_);
}

std::string TlsClient::version() const {
  return SSL_get_version(session_);
}

std::string TlsClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(session_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsClient::common_name() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session_), X509_free);
  if (!certificate) return {};
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(), name.size());
  return name.data();
}

bool TlsClient::send(std::string_view bytes) {
  return SSL_write(session_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

bool TlsClient::receive_more() {
  std::array<char, 16 * 1024> bytes{};
  const int count = SSL_read(session_, bytes.data(), static_cast<int>(bytes.size()));
  if (count > 0) {
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }
  was_closed_properly_ = SSL_get_error(session_, count) == SSL_ERROR_ZERO_RETURN;
  ERR_clear_error();
  return false;
}

std::string TlsClient::read_through(std::string_view text) {
  std::size_t at = 0;
  while ((at = buffer_.find(text)) == std::string::npos) {
    if (!receive_more()) return {};
  }
  std::string read = buffer_.substr(0, at + text.size());
  buffer_.erase(0, read.size());
  return read;
}

std::string TlsClient::read_to_end() {
  while (receive_more()) continue;
  return std::move(buffer_);
}

}  // namespace openrun::http::testing
