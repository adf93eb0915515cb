// audit: reads everything that Postgres holds through the checks of audit.hpp, and with --deep through the log.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <openrun/postgres/operations_store.hpp>
#include <openrun/runtime/runtime.hpp>

#include "cli/audit.hpp"
#include "cli/audit_print.hpp"
#include "cli/context.hpp"
#include "cli/deep_audit.hpp"

namespace openrun::cli {
namespace {

struct Arguments {
  bool deep = false;
  bool all_digests = false;
  std::vector<std::string> from;
  std::string snapshot;
  std::string save_snapshot;
  std::string report;
  std::string done_by;
  bool no_record = false;
};

void read_campaigns(postgres::AuditStore& store, Audit& audit) {
  constexpr std::size_t page = 1'000;
  CampaignId after{0};
  for (;;) {
    const auto campaigns = value_or_fail(store.stored_campaigns(after, page, Timestamp{0}, {}));
    for (const issuance::StoredCampaign& campaign : campaigns) audit.campaign(campaign);
    if (campaigns.size() < page) return;
    after = campaigns.back().campaign;
  }
}

void read_coupons(postgres::AuditStore& store, Audit& audit) {
  CampaignId at{0};
  value_or_fail(store.each_code([&](const postgres::AuditStore::CodeRow& row) {
    if (row.has_campaign && row.campaign != at) {
      audit.begin_coupons({row.campaign, 0, row.state, row.ends_at, row.digest, {}});
      at = row.campaign;
    }
    if (row.sequence.value == 0) return;
    audit.coupon({row.campaign, row.sequence, row.code, row.request_partition, row.request_offset, row.issued_at,
                  row.starts_at, row.user, row.idempotency_key, row.valid_until});
  }));
  audit.end_coupons();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw CommandFailed{usage_error, path + " cannot be read"};
  return {std::istreambuf_iterator<char>(file), {}};
}

// Whole or not at all.
void write_file(const std::string& path, const std::string& bytes) {
  const std::string next = path + ".next";
  {
    std::ofstream file(next, std::ios::binary | std::ios::trunc);
    file << bytes;
    file.flush();
    if (!file) throw CommandFailed{found_wrong, next + " cannot be written"};
  }
  if (std::rename(next.c_str(), path.c_str()) != 0) throw CommandFailed{found_wrong, path + " cannot be written"};
}

// "3:1200"
std::map<Partition, Offset> offsets_of(const std::vector<std::string>& arguments) {
  std::map<Partition, Offset> offsets;
  for (const std::string& text : arguments) {
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, partition);
    const bool parted = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
    const auto second = parted ? std::from_chars(first.ptr + 1, end, offset) : first;
    if (!parted || second.ec != std::errc() || second.ptr != end || partition < 0 || offset < 0) {
      throw CommandFailed{usage_error, "--from-offset " + text + ": write PARTITION:OFFSET, for example 3:1200"};
    }
    offsets[Partition{partition}] = Offset{offset};
  }
  return offsets;
}

void show_progress(const DeepProgress& progress) {
  constexpr int width = 30;
  const double share =
      progress.total <= 0 ? 1.0 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  const int filled = static_cast<int>(share * width);
  std::fprintf(stderr, "\r\033[Kpartition %d, %-8s [%.*s%.*s] %3d %%", progress.partition.value, progress.stage, filled,
               "##############################", width - filled, "..............................",
               static_cast<int>(share * 100));
}

DeepReport run_deep(const Context& context, const Arguments& arguments, const crypto::CouponCodes& codes) {
  const config::KeyFile keys = context.keys();
  const crypto::UserHash user_hash(keys.user_hash_key);
  const auto log = value_or_fail(kafka::make_log(context.kafka(), quiet_logger()));
  const auto rows = postgres::make_audit_rows(context.postgres());
  DeepOptions options;
  options.from = offsets_of(arguments.from);
  std::optional<SavedStates> saved;
  if (!arguments.snapshot.empty()) {
    saved = value_or_fail(SavedStates::open(read_file(arguments.snapshot), keys.code_key));
    options.saved = &*saved;
  }
  std::optional<SavedStatesWriter> save;
  if (!arguments.save_snapshot.empty()) options.save = &save.emplace(keys.code_key);
  const bool terminal = ::isatty(2) == 1;
  if (terminal) options.progress = show_progress;
  if (!context.json) {
    const auto most = memory_bytes_max(value_or_fail(rows->checkpoints()));
    std::cout << "deep audit of one moment in Postgres against the retained log; memory at most about "
              << most / (1024 * 1024) << " MiB\n"
              << std::flush;
  }
  auto report = deep_audit(*log, *rows, {codes, user_hash}, options);
  if (terminal) std::fprintf(stderr, "\r\033[K");
  DeepReport done = value_or_fail(std::move(report));
  if (save) {
    write_file(arguments.save_snapshot, save->bytes());
    if (!context.json) {
      std::cout << "saved the state of " << save->partitions() << " partitions in " << arguments.save_snapshot
                << " (partitions with findings, or not fully checked, are left out)\n";
    }
  }
  return done;
}

// The page shows what the newest audit found. An audit that reads a standby can't write there, and is no worse for it.
void keep_result(const Context& context, const PrintedAudit& report, const std::string& done_by, std::int64_t took_ms) {
  ports::AuditResult result = result_of(report);
  result.done_by = done_by.empty() ? operator_name() : done_by;
  result.took_ms = took_ms;
  postgres::Options options = context.postgres();
  options.statement_timeout = std::chrono::seconds(5);  // it writes one row, and holds nobody up
  const auto results = postgres::make_audit_results(options, quiet_logger());
  if (const auto kept = results->keep(result); !kept) {
    std::cerr << "openrun: the operators' page will not show this audit: " << kept.error().message
              << " (--no-record does not try)\n";
  }
}

void run(Context& context, const Arguments& arguments) {
  if (!arguments.deep && (!arguments.from.empty() || !arguments.snapshot.empty() || !arguments.save_snapshot.empty())) {
    throw CommandFailed{usage_error, "--from-offset, --snapshot and --save-snapshot belong to --deep"};
  }
  const runtime::SystemClock clock;
  const std::int64_t began_us = clock.monotonic_us();
  const crypto::CouponCodes codes(context.keys().code_key);
  value_or_fail(postgres::check_schema(context.postgres(), codes.fingerprint()));
  const auto store = postgres::make_audit_store(context.postgres(), quiet_logger());
  Audit audit(codes);
  // Partitions first: what is committed later than this reading can only be ahead of it, never behind.
  for (const auto& row : value_or_fail(store->partitions({}))) {
    audit.partition({row.partition, row.next_offset, row.outbox_gaps, row.outbox_next, row.published_through});
  }
  read_campaigns(*store, audit);
  read_coupons(*store, audit);
  std::optional<DeepReport> deep;
  if (arguments.deep) deep = run_deep(context, arguments, codes);
  const PrintedAudit report{audit, deep ? &*deep : nullptr, clock.now(), arguments.all_digests};
  if (!arguments.report.empty()) write_file(arguments.report, as_json(report));
  std::cout << (context.json ? as_json(report) : as_text(report));
  if (!arguments.no_record) keep_result(context, report, arguments.done_by, (clock.monotonic_us() - began_us) / 1'000);
  if (!is_clean(report)) context.exit_code = found_wrong;
}

}  // namespace

void add_audit_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("audit", "Prove that not one coupon too many was given, and everything as the log decides it")
          ->group("What was decided");
  command->add_flag("--deep", arguments->deep, "Decide the retained log once more and compare everything with it");
  command->add_flag("--digests", arguments->all_digests, "Show the digests of open campaigns too");
  command->add_option("--from-offset", arguments->from, "Where to begin in a partition: PARTITION:OFFSET")
      ->type_name("PLACE");
  command->add_option("--snapshot", arguments->snapshot, "Begin with the states that --save-snapshot wrote")
      ->type_name("FILE");
  command->add_option("--save-snapshot", arguments->save_snapshot, "Write the states at the checkpoints there")
      ->type_name("FILE");
  command->add_option("--report", arguments->report, "Write the report as JSON there, whatever is printed")
      ->type_name("FILE");
  command->add_flag("--no-record", arguments->no_record, "Don't keep the result for the operators' page");
  command->add_option("--by", arguments->done_by, "Who does it, for the record (default: user@host)")->type_name("WHO");
  on_run(*command, context, [&context, arguments] { run(context, *arguments); });
}

}  // namespace openrun::cli
