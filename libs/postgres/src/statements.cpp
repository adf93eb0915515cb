// What a connection can be asked: statements, pipelines and COPY. Opening and waiting are in connection.cpp.
#include <algorithm>
#include <utility>
#include <vector>

#include <poll.h>

#include <openrun/base/assert.hpp>

#include "connection.hpp"

namespace openrun::postgres {
Sql<void> Connection::execute(const std::string& sql) {
  begin_waiting();
  if (PQsendQuery(connection_, sql.c_str()) == 0) {
    broken_ = true;
    return std::unexpected(lost());
  }
  if (auto sent = flush(); !sent) return sent;
  if (auto result = last_result(); !result) return std::unexpected(std::move(result.error()));
  return {};
}

Sql<void> Connection::rename(const std::string& application) {
  char* literal = PQescapeLiteral(connection_, application.data(), application.size());
  OPENRUN_ASSERT(literal != nullptr, "an application name is plain ASCII");
  const std::string sql = std::string("SET application_name = ") + literal;
  PQfreemem(literal);
  auto done = execute(sql);
  if (done) application_ = application;
  return done;
}

Sql<Rows> Connection::query(const Statement& statement, const Parameters& parameters) {
  // What is asked only once on a connection, as all of a takeover is, saves the round trip of its preparation.
  const bool is_first = !prepared_.contains(statement.name) && asked_.insert(statement.name).second;
  if (!is_first) {
    const Step step{&statement, parameters};
    if (auto ready = prepare({&step, 1}); !ready) return std::unexpected(std::move(ready.error()));
  }
  begin_waiting();
  const auto values = parameters.values();
  const int sent_query = is_first ? PQsendQueryParams(connection_, statement.sql, parameters.size(), parameters.types(),
                                                      values.data(), parameters.lengths(), parameters.formats(), 1)
                                  : PQsendQueryPrepared(connection_, statement.name, parameters.size(), values.data(),
                                                        parameters.lengths(), parameters.formats(), 1);
  if (sent_query == 0) {
    broken_ = true;
    return std::unexpected(lost());
  }
  if (auto sent = flush(); !sent) return std::unexpected(std::move(sent.error()));
  return last_result();
}

Sql<void> Connection::send_pipeline_end() {
  if (PQpipelineSync(connection_) == 0) {
    broken_ = true;
    return std::unexpected(lost());
  }
  return flush();
}

Sql<void> Connection::forget_old_plans(std::size_t uses) {
  plans_used_ += uses;
  if (plans_used_ < plans_used_min || Clock::now() - plans_since_ < plans_kept) return {};
  plans_used_ = 0;
  plans_since_ = Clock::now();
  return execute("DISCARD PLANS");
}

Sql<void> Connection::prepare(std::span<const Step> steps) {
  if (auto done = forget_old_plans(steps.size()); !done) return done;
  std::vector<const Step*> missing;
  for (const Step& step : steps) {
    if (!prepared_.contains(step.statement->name)) missing.push_back(&step);
  }
  // The same statement may stand in it twice.
  const auto by_name = [](const Step* step) { return std::string_view(step->statement->name); };
  std::ranges::sort(missing, {}, by_name);
  missing.erase(std::ranges::unique(missing, {}, by_name).begin(), missing.end());
  if (missing.empty()) return {};
  begin_waiting();
  const auto failed = [this](Failure failure) {
    broken_ = true;
    return std::unexpected(std::move(failure));
  };
  if (PQenterPipelineMode(connection_) == 0) return failed(lost());
  for (const Step* step : missing) {
    if (PQsendPrepare(connection_, step->statement->name, step->statement->sql, step->parameters.size(),
                      step->parameters.types()) == 0) {
      return failed(lost());
    }
  }
  if (auto sent = send_pipeline_end(); !sent) return failed(std::move(sent.error()));
  for (const Step* step : missing) {
    if (auto result = next_result(); !result) return failed(std::move(result.error()));
    if (auto end = next_result(); !end) return failed(std::move(end.error()));
    prepared_.insert(step->statement->name);
  }
  if (auto sync = next_result(); !sync) return failed(std::move(sync.error()));
  if (PQexitPipelineMode(connection_) == 0) return failed(lost());
  return {};
}

std::expected<std::vector<std::int64_t>, PipelineFailure> Connection::run_pipeline(std::span<const Step> steps) {
  const auto failed = [this](std::size_t index, Failure failure) {
    // The pipeline's remaining answers are of no use to anybody: the caller drops the connection.
    broken_ = true;
    return std::unexpected(PipelineFailure{index, std::move(failure)});
  };
  begin_waiting();
  if (PQenterPipelineMode(connection_) == 0) return failed(0, lost());
  for (const Step& step : steps) {
    const auto values = step.parameters.values();
    if (PQsendQueryPrepared(connection_, step.statement->name, step.parameters.size(), values.data(),
                            step.parameters.lengths(), step.parameters.formats(), 1) == 0) {
      return failed(0, lost());
    }
  }
  if (auto sent = send_pipeline_end(); !sent) return failed(0, std::move(sent.error()));
  std::vector<std::int64_t> touched;
  for (std::size_t index = 0; index < steps.size(); ++index) {
    auto result = next_result();
    if (!result) return failed(index, std::move(result.error()));
    touched.push_back(result->touched());
    if (auto end = next_result(); !end) return failed(index + 1, std::move(end.error()));
  }
  if (auto sync = next_result(); !sync) return failed(steps.size(), std::move(sync.error()));
  if (PQexitPipelineMode(connection_) == 0) broken_ = true;
  return touched;
}

// ---- COPY ----

Sql<void> Connection::copy_in(const std::string& sql, const std::function<std::string()>& next) {
  const auto broken = [this]() -> Sql<void> {
    broken_ = true;
    return std::unexpected(lost());
  };
  begin_waiting();
  if (PQsendQuery(connection_, sql.c_str()) == 0) return broken();
  if (auto sent = flush(); !sent) return sent;
  if (auto begun = next_result(); !begun) {
    (void)last_result();
    return std::unexpected(std::move(begun.error()));
  }
  begin_waiting();
  for (std::string piece = next(); !piece.empty(); piece = next()) {
    if (PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size())) != 1) return broken();
    if (auto sent = flush(); !sent) return sent;
  }
  if (PQputCopyEnd(connection_, nullptr) != 1) return broken();
  if (auto sent = flush(); !sent) return sent;
  if (auto done = last_result(); !done) return std::unexpected(std::move(done.error()));
  return {};
}

Sql<std::uint64_t> Connection::copy_out(const std::string& sql,
                                        const std::function<void(std::span<const Field>)>& each) {
  begin_waiting();
  if (PQsendQuery(connection_, sql.c_str()) == 0) {
    broken_ = true;
    return std::unexpected(lost());
  }
  if (auto sent = flush(); !sent) return std::unexpected(std::move(sent.error()));
  auto begun = next_result();
  if (!begun) {
    (void)last_result();
    return std::unexpected(std::move(begun.error()));
  }
  CopyReader reader;
  std::uint64_t count = 0;
  for (;;) {
    char* message = nullptr;
    const int length = PQgetCopyData(connection_, &message, 1);
    if (length > 0) {
      const std::unique_ptr<char, decltype(&PQfreemem)> guard(message, &PQfreemem);
      if (const auto row = reader.row({message, static_cast<std::size_t>(length)}); !row.empty()) {
        each(row);
        ++count;
      }
      continue;
    }
    if (length < 0) break;  // the end, or a failure that the result tells
    begin_waiting();
    if (auto ready = wait(POLLIN); !ready) return std::unexpected(std::move(ready.error()));
    if (PQconsumeInput(connection_) == 0) {
      broken_ = true;
      return std::unexpected(lost());
    }
  }
  if (auto result = last_result(); !result) return std::unexpected(std::move(result.error()));
  return count;
}

}  // namespace openrun::postgres
