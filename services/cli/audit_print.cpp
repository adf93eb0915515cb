#include "cli/audit_print.hpp"

#include <openrun/crypto/mac.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::cli {
namespace {

std::string text_of(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings.kept()) out += "WRONG  " + finding.invariant + ": " + finding.text + "\n";
  if (findings.count() > findings.kept().size()) {
    out += "... and " + std::to_string(findings.count() - findings.kept().size()) + " more:";
    for (const auto& [invariant, count] : findings.by_invariant()) {
      out += " " + invariant + " " + std::to_string(count);
    }
    out += '\n';
  }
  return out;
}

std::string number(std::uint64_t count) {
  return std::to_string(count);
}

std::string text_of(const DeepPartition& one) {
  std::string out = "partition " + std::to_string(one.partition.value) + ": decided again " +
                    number(one.counts.records) + " records, offsets " + std::to_string(one.from.value) + " to below " +
                    std::to_string(one.next_offset.value) + ", from " + one.start + ": " + number(one.counts.coupons) +
                    " coupons, " + number(one.counts.commands) + " commands, " + number(one.counts.dead_letters) +
                    " dead letters, " + number(one.counts.outbox_rows) + " outbox rows; the results topic held " +
                    number(one.results.entries) + " of these outcomes";
  if (one.results.again > 0) out += ", " + number(one.results.again) + " of them again";
  return out + "\n";
}

bool is_over(const CampaignDigest& digest, Timestamp now) {
  return digest.state == "closed" || digest.state == "sold_out" || (digest.ends_at && *digest.ends_at <= now);
}

void write(wire::JsonWriter& writer, const Findings& findings) {
  for (const Finding& finding : findings.kept()) {
    writer.begin_object().key("invariant").string(finding.invariant).key("text").string(finding.text).end_object();
  }
}

void write(wire::JsonWriter& writer, const DeepReport& deep) {
  writer.key("not_checked").begin_array();
  for (const NotChecked& one : deep.not_checked) {
    writer.begin_object().key("partition").number(one.partition.value).key("text").string(one.text).end_object();
  }
  writer.end_array().key("log").begin_array();
  for (const DeepPartition& one : deep.partitions) {
    writer.begin_object().key("partition").number(one.partition.value).key("started_from").string(one.start);
    writer.key("log_begin").number(one.log.begin.value).key("from").number(one.from.value);
    writer.key("next_offset").number(one.next_offset.value).key("records").number(one.counts.records);
    writer.key("unknown").number(one.counts.unknown).key("coupons").number(one.counts.coupons);
    writer.key("commands").number(one.counts.commands).key("dead_letters").number(one.counts.dead_letters);
    writer.key("outbox_rows").number(one.counts.outbox_rows).key("results_batches").number(one.results.batches);
    writer.key("results_entries").number(one.results.entries).key("results_again").number(one.results.again);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace

bool is_clean(const PrintedAudit& report) {
  return report.audit.clean() && (report.deep == nullptr || report.deep->findings.count() == 0);
}

std::string as_text(const PrintedAudit& report) {
  const Audit& audit = report.audit;
  std::string out;
  if (report.deep != nullptr) {
    for (const DeepPartition& one : report.deep->partitions) out += text_of(one);
  }
  for (const CampaignDigest& one : audit.digests()) {
    if (!report.all_digests && !is_over(one, report.now)) continue;
    out += "digest of campaign " + std::to_string(one.campaign.value) + " (" + one.state + ", " + number(one.coupons) +
           " coupons): " + crypto::hex(one.computed) + "\n";
  }
  out += text_of(audit.findings());
  if (report.deep != nullptr) {
    out += text_of(report.deep->findings);
    for (const NotChecked& one : report.deep->not_checked) {
      out += "NOT CHECKED  partition " + std::to_string(one.partition.value) + ": " + one.text + "\n";
    }
  }
  out += std::string(is_clean(report) ? "clean: " : "NOT CLEAN: ") + number(audit.coupons()) + " coupons of " +
         number(audit.campaigns()) + " campaigns in " + number(audit.partitions()) + " partitions";
  if (is_clean(report)) {
    out +=
        "; issued = rows <= stock, sequences without gap, codes name their rows, in the order of the log, nobody "
        "before the start, digests fit the rows";
    if (report.deep != nullptr) out += "; everything as the log decides it";
  }
  if (report.deep != nullptr && !report.deep->not_checked.empty()) {
    out += "; " + number(report.deep->not_checked.size()) + " things could not be checked, see above";
  }
  return out + "\n";
}

std::string as_json(const PrintedAudit& report) {
  const Audit& audit = report.audit;
  std::string out;
  wire::JsonWriter writer(out);
  const std::uint64_t deep_count = report.deep == nullptr ? 0 : report.deep->findings.count();
  writer.begin_object().key("clean").boolean(is_clean(report)).key("deep").boolean(report.deep != nullptr);
  writer.key("campaigns").number(audit.campaigns()).key("coupons").number(audit.coupons());
  writer.key("partitions").number(audit.partitions()).key("found").number(audit.findings().count() + deep_count);
  writer.key("findings").begin_array();
  write(writer, audit.findings());
  if (report.deep != nullptr) write(writer, report.deep->findings);
  writer.end_array();
  if (report.deep != nullptr) write(writer, *report.deep);
  writer.key("digests").begin_array();
  for (const CampaignDigest& one : audit.digests()) {
    writer.begin_object().key("campaign").number(one.campaign.value).key("state").string(one.state);
    writer.key("coupons").number(one.coupons).key("digest").string(crypto::hex(one.computed));
    writer.key("stored").string(crypto::hex(one.stored)).end_object();
  }
  writer.end_array().end_object();
  return out + "\n";
}

ports::AuditResult result_of(const PrintedAudit& report) {
  ports::AuditResult result;
  result.kind = report.deep == nullptr ? ports::AuditKind::audit : ports::AuditKind::deep_audit;
  result.partitions = report.audit.partitions();
  result.campaigns = report.audit.campaigns();
  result.coupons = report.audit.coupons();
  const auto take = [&](const Findings& findings) {
    result.found += findings.count();
    for (const Finding& one : findings.kept()) {
      if (result.findings.size() < ports::audit_findings_max) result.findings.push_back({one.invariant, one.text});
    }
  };
  take(report.audit.findings());
  if (report.deep != nullptr) {
    take(report.deep->findings);
    result.not_checked = report.deep->not_checked.size();
  }
  return result;
}

}  // namespace openrun::cli
