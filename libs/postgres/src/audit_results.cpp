#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <openrun/base/text.hpp>
#include <openrun/postgres/operations_store.hpp>

#include "audit_result_row.hpp"
#include "session.hpp"

namespace openrun::postgres {

const Statement newest_audit_results{
    "newest_audit_results",
    "SELECT DISTINCT ON (kind) kind, done_by, ended_at, took_ms, partitions, campaigns, coupons, found, not_checked, "
    "ARRAY(SELECT convert_to(text, 'UTF8') FROM unnest(findings) WITH ORDINALITY AS one (text, place) ORDER BY place) "
    "FROM audit_result ORDER BY kind, id DESC"};

namespace {

// The new row is not seen by the deletion beside it.
const Statement keep_audit_result{
    "keep_audit_result",
    "WITH kept AS (INSERT INTO audit_result (kind, done_by, took_ms, partitions, campaigns, coupons, found, "
    "not_checked, findings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)) "
    "DELETE FROM audit_result WHERE kind = $1 AND id <= "
    "(SELECT id FROM audit_result WHERE kind = $1 ORDER BY id DESC OFFSET $10 LIMIT 1)"};

// Nothing that an audit finds may keep its result from being kept: bytes that are no text become question marks.
std::string kept_text(std::string_view text) {
  std::size_t length = std::min(text.size(), ports::audit_text_bytes_max);
  const auto continues = [&] { return (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U; };
  while (length > 0 && length < text.size() && continues()) --length;
  std::string kept(text.substr(0, length));
  const bool is_text = utf8_length(kept) != not_utf8;
  std::ranges::replace_if(kept, [&](char c) { return c == '\0' || (!is_text && (c & 0x80) != 0); }, '?');
  return kept;
}

class PostgresAuditResults final : public ports::AuditResults {
 public:
  PostgresAuditResults(const Options& options, ports::Logger& logger) : session_(options, logger) {}

  Result<void> keep(const ports::AuditResult& result) override {
    Array findings(Type::text);
    const std::size_t count = std::min(result.findings.size(), ports::audit_findings_max);
    for (std::size_t i = 0; i < count; ++i) {
      findings.add_text(kept_text(result.findings[i].invariant));
      findings.add_text(kept_text(result.findings[i].text));
    }
    Parameters parameters;
    parameters.text(to_string(result.kind)).text(kept_text(result.done_by)).int8(result.took_ms);
    for (const std::uint64_t number :
         {result.partitions, result.campaigns, result.coupons, result.found, result.not_checked}) {
      parameters.int8(static_cast<std::int64_t>(number));
    }
    parameters.array(findings).int8(ports::audit_results_kept - 1);
    return session_.run_void([&](Connection& connection) { return connection.query(keep_audit_result, parameters); });
  }

 private:
  Session session_;
};

}  // namespace

ports::AuditResult read_audit_result(const Rows& rows, int row) {
  const auto number = [&](int column) { return static_cast<std::uint64_t>(rows.at(row, column).integer()); };
  ports::AuditResult result;
  const std::string kind = rows.at(row, 0).string();
  for (const ports::AuditKind one : ports::all_audit_kinds) {
    if (kind == to_string(one)) result.kind = one;
  }
  result.done_by = rows.at(row, 1).string();
  result.ended_at = rows.at(row, 2).timestamp();
  result.took_ms = rows.at(row, 3).integer();
  result.partitions = number(4);
  result.campaigns = number(5);
  result.coupons = number(6);
  result.found = number(7);
  result.not_checked = number(8);
  const std::vector<std::string> texts = rows.at(row, 9).byte_strings();
  for (std::size_t i = 0; i + 1 < texts.size(); i += 2) result.findings.push_back({texts[i], texts[i + 1]});
  return result;
}

std::unique_ptr<ports::AuditResults> make_audit_results(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresAuditResults>(options, logger);
}

}  // namespace openrun::postgres
