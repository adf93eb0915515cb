#include <algorithm>

#include "cli/check/judge.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli::check {
namespace {

constexpr const char* store_part = "postgres";
constexpr const char* slow_store = "docs/runbooks/slow-store.md";

std::string as_superuser(const std::string& sql) {
  return "psql \"$SUPERUSER_URL\" -c \"" + sql + "\"";
}

std::string setting(const std::string& name, const std::string& value) {
  return as_superuser("ALTER SYSTEM SET " + name + " = '" + value + "'") + " -c \"SELECT pg_reload_conf()\"";
}

// A name that others gave, and that somebody may copy into a shell.
bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::string grant(const ports::StoreServer& server) {
  if (!is_plain(server.role)) return as_superuser("SELECT rolname FROM pg_roles");
  return R"(psql "$SUPERUSER_URL" -c 'GRANT pg_monitor TO ")" + server.role + "\"'";
}

// How the transaction is ended.
std::string ending(const ports::OpenTransaction& one) {
  if (one.pid != 0) return as_superuser("SELECT pg_terminate_backend(" + std::to_string(one.pid) + ")");
  if (!is_plain(one.name) || !is_plain(one.database)) return as_superuser("SELECT * FROM pg_prepared_xacts");
  // Only in its own database, which need not be the superuser's, nor ours.
  return R"(psql "$SUPERUSER_URL" -c '\connect )" + one.database + "' -c \"ROLLBACK PREPARED '" + one.name + "'\"";
}

// The fact, or a finding that says why it is not known.
template <class T>
const T* known(const Result<T>& fact, const char* check, const ports::StoreServer& server, Findings& out) {
  if (fact) return &*fact;
  const bool is_denied = fact.error().kind == Error::Kind::invalid;
  out.push_back(
      {store_part, check, Verdict::look, "not known: " + fact.error().message, is_denied ? grant(server) : slow_store});
  return nullptr;
}

// True where the schema may be read.
bool judge_schema(const ports::SchemaState& state, Findings& out) {
  if (state.steps) {
    out.push_back({store_part, "schema", Verdict::ok, "all its steps are known here"});
  } else {
    const bool newer = state.steps.error().kind == Error::Kind::invalid;
    out.push_back({store_part, "schema", Verdict::wrong, state.steps.error().message,
                   newer ? "docs/operations.md#upgrading" : "openrun migrate"});
    if (state.steps.error().kind == Error::Kind::not_found) return false;
  }
  if (state.code_key) {
    out.push_back({store_part, "code key", Verdict::ok, "the one that the coupons were made with"});
  } else {
    out.push_back(
        {store_part, "code key", Verdict::wrong, state.code_key.error().message, "docs/runbooks/code-key.md"});
  }
  return true;
}

void judge_durability(const ports::StoreDurability& durable, Findings& out) {
  OneCheck check(out, store_part, "durability");
  const auto off = [&](const char* name, const std::string& value, const char* why) {
    if (value == "off") check.add(Verdict::wrong, std::string(name) + " is off: " + why, setting(name, "on"));
  };
  off("fsync", durable.fsync, "a crash of the machine can lose the whole database");
  off("full_page_writes", durable.full_page_writes, "a crash of the machine can leave half-written pages");
  off("synchronous_commit", durable.synchronous_commit, "a crash loses coupons that were told to their owners");
  check.or_else("fsync and full_page_writes are on, synchronous_commit is " + durable.synchronous_commit);
}

// Coupons that the campaigns asked for can still give.
std::int64_t coupons_to_come(const StoreFacts& store) {
  std::int64_t left = 0;
  for (const auto& one : store.campaigns.value_or(std::vector<ports::StoredCampaign>{}))
    left += std::int64_t{one.campaign.terms.stock} - one.campaign.issued;
  return left;
}

void judge_wal(const StoreFacts& store, const ports::StoreWal& wal, Findings& out) {
  const std::int64_t segment = std::max<std::int64_t>(wal.segment_bytes, 1);
  const std::int64_t kept = wal.kept_bytes / segment;
  const std::int64_t left = coupons_to_come(store);
  // Without campaigns: as many as config/postgres/wal-ahead.sql makes. Of the coupons' one more: the first of them is
  // begun already, and may be almost full.
  const std::int64_t filled = left * wal_bytes_per_coupon / segment + 1;
  const std::int64_t needed = left > 0 ? filled + 1 : kept - 1;
  const std::string why = left > 0 ? "the " + grouped(left) + " coupons of these campaigns fill some " + grouped(filled)
                                   : "min_wal_size keeps " + grouped(kept);
  if (const auto* ahead = known(store.server.segments_ahead, "WAL ahead", store.server, out); ahead != nullptr) {
    const std::string text = grouped(*ahead) + " segments are made ahead; " + why;
    if (*ahead >= needed) {
      out.push_back({store_part, "WAL ahead", Verdict::ok, text});
    } else {
      out.push_back({store_part, "WAL ahead", Verdict::look,
                     text + ". Each that is missing stops all commits for some 100 ms",
                     "psql \"$SUPERUSER_URL\" -f config/postgres/wal-ahead.sql"});
    }
  }
  const bool is_enough = left > 0 ? kept >= needed : wal.kept_bytes >= kept_wal_bytes_min;
  const std::string size = "min_wal_size is " + grouped(wal.kept_bytes / (1024 * 1024)) + " MB";
  if (is_enough) {
    out.push_back({store_part, "WAL kept", Verdict::ok, size});
  } else {
    out.push_back({store_part, "WAL kept", Verdict::look,
                   size + ", " + grouped(kept) + " segments" + (left > 0 ? "; " + why : ""),
                   "docs/before-an-event.md#segments-of-wal-ahead"});
  }
}

void judge_connections(const ports::StoreConnections& connections, Findings& out) {
  const std::int64_t percent = connections.most <= 0 ? 100 : connections.used * 100 / connections.most;
  const std::string text = grouped(connections.used) + " of " + grouped(connections.most) + " in use";
  const Verdict verdict = percent >= connections_percent_wrong  ? Verdict::wrong
                          : percent >= connections_percent_look ? Verdict::look
                                                                : Verdict::ok;
  out.push_back({store_part, "connections", verdict, text, verdict == Verdict::ok ? "" : slow_store});
}

void judge_transactions(const ports::OpenTransactions& transactions, const ports::StoreServer& server, Findings& out) {
  OneCheck check(out, store_part, "transactions");
  for (const ports::OpenTransaction& one : transactions.open) {
    if (one.open_ms <= transaction_open_ms_max) continue;
    const std::string what =
        one.pid == 0 ? "the prepared transaction " + one.name + " of " + one.user + " in the database " + one.database
                     : "process " + std::to_string(one.pid) + " (" + one.name + ") of " + one.user;
    check.add(Verdict::look,
              what + " is open for " + duration_text(one.open_ms) +
                  ": it holds vacuum back, and a takeover if it has locked a checkpoint",
              ending(one));
  }
  if (transactions.hidden > 0) {
    check.add(Verdict::look,
              "not known: " + grouped(transactions.hidden) + " sessions are hidden from the role " + server.role,
              grant(server));
  }
  check.or_else("none is open for a minute");
}

void judge_standbys(const ports::Standbys& standbys, const ports::StoreServer& server, Findings& out) {
  OneCheck check(out, store_part, "standbys");
  bool is_waited_for = false;
  for (const ports::Standby& one : standbys.connected) {
    is_waited_for = is_waited_for || one.sync_state == "sync" || one.sync_state == "quorum";
    if (one.state == "streaming" && one.behind_bytes <= standby_behind_bytes_max) continue;
    check.add(Verdict::look,
              one.name + " is " + grouped(one.behind_bytes / (1024 * 1024)) + " MB behind (" + one.state + ")",
              as_superuser("SELECT * FROM pg_stat_replication"));
  }
  if (standbys.hidden > 0) {
    check.add(Verdict::look, "not known: " + grouped(standbys.hidden) + " are hidden from the role " + server.role,
              grant(server));
  } else if (standbys.commits_wait && !is_waited_for) {
    check.add(Verdict::wrong, "synchronous_standby_names names some and none of them is connected: no commit ever ends",
              as_superuser("SHOW synchronous_standby_names"));
  }
  const std::size_t count = standbys.connected.size();
  check.or_else(count == 0 ? "none is connected, none is waited for" : grouped(std::uint64_t{count}) + ", none behind");
}

void judge_server(const StoreFacts& store, Findings& out) {
  const ports::StoreServer& server = store.server;
  if (const bool* writable = known(server.is_writable, "writes", server, out); writable != nullptr) {
    if (*writable) {
      out.push_back({store_part, "writes", Verdict::ok, "it takes them"});
    } else {
      out.push_back(
          {store_part, "writes", Verdict::wrong, "this is a standby, or a database that is read-only", slow_store});
    }
  }
  if (const auto* fact = known(server.durability, "durability", server, out)) judge_durability(*fact, out);
  if (const auto* fact = known(server.wal, "WAL kept", server, out)) judge_wal(store, *fact, out);
  if (const auto* fact = known(server.connections, "connections", server, out)) judge_connections(*fact, out);
  if (const auto* running = known(server.backups, "backup", server, out)) {
    if (*running == 0) {
      out.push_back({store_part, "backup", Verdict::ok, "none is running"});
    } else {
      out.push_back({store_part, "backup", Verdict::look,
                     "a base backup is running: it takes the disk's time from commits",
                     as_superuser("SELECT * FROM pg_stat_progress_basebackup")});
    }
  }
  if (const auto* fact = known(server.transactions, "transactions", server, out)) {
    judge_transactions(*fact, server, out);
  }
  if (const auto* fact = known(server.standbys, "standbys", server, out)) judge_standbys(*fact, server, out);
  if (const auto* fact = known(server.archive, "archive", server, out)) {
    if (fact->failing_since && fact->is_on) {
      out.push_back({store_part, "archive", Verdict::look,
                     "the newest segment of WAL could not be archived: they pile up on the disk",
                     as_superuser("SELECT * FROM pg_stat_archiver")});
    } else {
      out.push_back({store_part, "archive", Verdict::ok, fact->is_on ? "WAL is archived" : "WAL is not archived here"});
    }
  }
}

}  // namespace

void judge_store(const Facts& facts, Findings& out) {
  if (!facts.store) {
    out.push_back({store_part, "answers", Verdict::wrong, facts.store.error().message, slow_store});
    return;
  }
  const StoreFacts& store = *facts.store;
  const bool has_tables = judge_schema(store.schema, out);
  judge_server(store, out);
  if (store.after) {
    // Nothing is decided by it, but ages are told by it.
    out.push_back(clock_finding(store_part, store.clock, facts.asked.clock_skew_ms_max, Verdict::look));
  } else if (has_tables) {
    out.push_back({store_part, "tables", Verdict::wrong, store.after.error().message, slow_store});
  }
}

}  // namespace openrun::cli::check
