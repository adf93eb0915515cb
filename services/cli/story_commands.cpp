// why, campaign history, campaign export: what was decided, read from the log and from Postgres.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include <openrun/crypto/mac.hpp>

#include "cli/context.hpp"
#include "cli/story.hpp"

namespace openrun::cli {
namespace {

Story story_of(const Context& context, std::uint32_t campaign, const std::optional<std::string>& user) {
  const auto log = value_or_fail(kafka::make_log(context.kafka(), quiet_logger()));
  const auto rows = postgres::make_audit_rows(context.postgres());
  Story story = value_or_fail(tell_story(*log, *rows, CampaignId{campaign}, user));
  if (!story.now && story.entries.empty()) {
    throw CommandFailed{
        found_wrong, "there is no campaign " + std::to_string(campaign) + " in Postgres, nor in the log", "NOT_FOUND"};
  }
  return story;
}

std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"') out += '"';
    out += byte;
  }
  return out + "\"";
}

std::string csv_row(const postgres::AuditStore::ExportRow& row) {
  const auto time = [](const std::optional<Timestamp>& at) {
    return at ? wire::format_time(at->value) : std::string();
  };
  return std::to_string(row.sequence.value) + "," + csv(row.user) + "," + csv(row.idempotency_key) + "," + row.code +
         "," + row.status + "," + time(row.issued_at) + "," + time(row.valid_until) + "," + time(row.used_at) + "," +
         std::to_string(row.request_partition.value) + "," + std::to_string(row.request_offset.value) + "\n";
}

std::string json_row(const postgres::AuditStore::ExportRow& row) {
  std::string out;
  wire::JsonWriter writer(out);
  const auto time = [&](const char* name, const std::optional<Timestamp>& at) {
    writer.key(name);
    at ? writer.string(wire::format_time(at->value)) : writer.null();
  };
  writer.begin_object().key("sequence").number(row.sequence.value).key("user_id").string(row.user);
  writer.key("idempotency_key").string(row.idempotency_key).key("code").string(row.code);
  writer.key("status").string(row.status);
  time("issued_at", row.issued_at);
  time("valid_until", row.valid_until);
  time("used_at", row.used_at);
  writer.key("request_partition").number(row.request_partition.value);
  writer.key("request_offset").number(row.request_offset.value).end_object();
  return out;
}

void export_to(const Context& context, std::uint32_t campaign, bool json, std::ostream& out) {
  const auto store = postgres::make_audit_store(context.postgres(), quiet_logger());
  // Not before the campaign is known to be there.
  bool begun = false;
  const auto begin = [&] {
    if (begun) return false;
    begun = true;
    if (json) {
      out << "{\"campaign_id\":" << campaign << ",\"coupons\":[";
    } else {
      out << "sequence,user_id,idempotency_key,code,status,issued_at,valid_until,used_at,request_partition,"
             "request_offset\n";
    }
    return true;
  };
  const Digest digest =
      value_or_fail(store->export_coupons(CampaignId{campaign}, [&](const postgres::AuditStore::ExportRow& row) {
        const bool first = begin();
        if (json) {
          out << (first ? "\n" : ",\n") << json_row(row);
        } else {
          out << csv_row(row);
        }
      }));
  begin();
  // A CSV has no place for it; whoever keeps the file keeps the digest with it.
  if (json) {
    out << "\n],\"digest\":\"" << crypto::hex(digest) << "\"}\n";
  } else {
    std::cerr << "digest of campaign " << campaign << ": " << crypto::hex(digest) << "\n";
  }
  out.flush();
  if (!out) throw CommandFailed{found_wrong, "the coupons could not be written"};
}

struct ExportArguments {
  std::uint32_t campaign = 0;
  std::string format = "csv";
  std::string file;
};

void export_coupons(const Context& context, const ExportArguments& arguments) {
  const bool json = context.json || arguments.format == "json";
  if (arguments.file.empty()) return export_to(context, arguments.campaign, json, std::cout);
  const std::string next = arguments.file + ".next";
  std::ofstream file(next, std::ios::binary | std::ios::trunc);
  if (!file) throw CommandFailed{usage_error, next + " cannot be written"};
  try {
    export_to(context, arguments.campaign, json, file);
  } catch (const CommandFailed&) {
    (void)std::remove(next.c_str());
    throw;
  }
  file.close();
  if (!file || std::rename(next.c_str(), arguments.file.c_str()) != 0) {
    throw CommandFailed{found_wrong, arguments.file + " cannot be written"};
  }
}

}  // namespace

void add_story_commands(CLI::App& app, Context& context) {
  auto id = std::make_shared<std::uint32_t>(0);
  auto user = std::make_shared<std::string>();
  auto* why = app.add_subcommand("why", "Tell what became of a user's requests, and why, from the retained log")
                  ->group("What was decided");
  why->add_option("--campaign", *id, "The campaign's id")->required()->type_name("CAMPAIGN");
  why->add_option("--user", *user, "The user's id")->required()->type_name("USER");
  on_run(*why, context, [&context, id, user] {
    const crypto::CouponCodes codes(context.keys().code_key);
    const Story story = story_of(context, *id, *user);
    std::cout << (context.json ? story_json(story, codes) : why_text(story, *user, codes));
  });

  auto* campaign = app.get_subcommand("campaign");
  auto* history =
      campaign->add_subcommand("history", "Tell every command on a campaign in the retained log")->group("Commands");
  history->add_option("CAMPAIGN", *id, "The campaign's id")->required()->type_name("CAMPAIGN");
  on_run(*history, context, [&context, id] {
    const Story story = story_of(context, *id, std::nullopt);
    std::cout << (context.json ? story_json(story, crypto::CouponCodes(context.keys().code_key)) : history_text(story));
  });

  auto arguments = std::make_shared<ExportArguments>();
  auto* exported =
      campaign->add_subcommand("export", "Write all coupons of a campaign in sequence order, with their digest")
          ->group("Commands");
  exported->add_option("CAMPAIGN", arguments->campaign, "The campaign's id")->required()->type_name("CAMPAIGN");
  exported->add_option("--format", arguments->format, "How; --json is the same as json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"csv", "json"}));
  exported->add_option("--output,--file", arguments->file, "Write them there, whole or not at all (default: stdout)")
      ->type_name("FILE");
  on_run(*exported, context, [&context, arguments] { export_coupons(context, *arguments); });
}

}  // namespace openrun::cli
