// audit: reads everything that Postgres holds through the checks of audit.hpp.
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/audit.hpp"
#include "cli/context.hpp"

namespace openrun::cli {
namespace {

void read_campaigns(postgres::AuditStore& store, Audit& audit) {
  constexpr std::size_t page = 1'000;
  CampaignId after{0};
  for (;;) {
    const auto campaigns = value_or_fail(store.stored_campaigns(after, page, Timestamp{0}));
    for (const issuance::StoredCampaign& campaign : campaigns) audit.campaign(campaign);
    if (campaigns.size() < page) return;
    after = campaigns.back().campaign;
  }
}

void print_json(const Audit& audit) {
  std::string out;
  wire::JsonWriter writer(out);
  writer.begin_object().key("clean").boolean(audit.clean());
  writer.key("campaigns").number(static_cast<std::int64_t>(audit.campaigns()));
  writer.key("coupons").number(static_cast<std::int64_t>(audit.coupons()));
  writer.key("partitions").number(static_cast<std::int64_t>(audit.partitions()));
  writer.key("found").number(static_cast<std::int64_t>(audit.found())).key("findings").begin_array();
  for (const Finding& finding : audit.findings()) {
    writer.begin_object().key("invariant").string(finding.invariant).key("text").string(finding.text).end_object();
  }
  writer.end_array().end_object();
  std::cout << out << "\n";
}

void print_text(const Audit& audit) {
  for (const Finding& finding : audit.findings())
    std::cout << "WRONG  " << finding.invariant << ": " << finding.text << "\n";
  if (audit.found() > audit.findings().size())
    std::cout << "... and " << audit.found() - audit.findings().size() << " more\n";
  std::cout << (audit.clean() ? "clean: " : "NOT CLEAN: ") << audit.coupons() << " coupons of " << audit.campaigns()
            << " campaigns in " << audit.partitions() << " partitions";
  if (audit.clean()) {
    std::cout << "; issued = rows <= stock, sequences without gap, codes name their rows, in the order of the log, "
                 "nobody before the start";
  }
  std::cout << "\n";
}

void run(Context& context) {
  const crypto::CouponCodes codes(context.keys().code_key);
  value_or_fail(postgres::check_schema(context.postgres(), codes.fingerprint()));
  const auto store = postgres::make_audit_store(context.postgres(), quiet_logger());
  Audit audit(codes);
  // Partitions first: what is committed later than this reading can only be ahead of it, never behind.
  for (const auto& row : value_or_fail(store->partitions())) {
    audit.partition({row.partition, row.next_offset, row.outbox_gaps, row.outbox_next, row.published_through});
  }
  read_campaigns(*store, audit);
  value_or_fail(store->each_code([&](const postgres::AuditStore::CodeRow& row) {
    audit.coupon({row.campaign, row.sequence, row.code, row.request_partition, row.request_offset, row.issued_at,
                  row.starts_at});
  }));
  context.json ? print_json(audit) : print_text(audit);
  if (!audit.clean()) context.exit_code = found_wrong;
}

}  // namespace

void add_audit_command(CLI::App& app, Context& context) {
  app.add_subcommand("audit", "Prove from Postgres that not one coupon too many was given")->callback([&] {
    run(context);
  });
}

}  // namespace openrun::cli
