// What is watched: health, tiles, plots and partitions. Every number is one of /v1/operations or its history.

import { AUDITS, findingsOf, verdictOf } from "./audits.js";
import { at, count, describe, duration, element, row, time } from "./dom.js";
import { Plot } from "./plot.js";

const PLOTTED_PARTITIONS_MAX = 4;
const SHOWN_PARTITIONS_MAX = 64;

export class Board {
  #after = 0; // the newest second that is known
  #queue = null;
  #second = 0; // of the newest look

  constructor(api) {
    this.api = api;
    const plot = (id, title, lines, format) => new Plot(at(`plot-${id}`), at(`legend-${id}`), title, lines, { format });
    this.rate = plot("rate", "Outcomes a second", ["issued", "refused", "refused at the gate", "dead letters"], count);
    this.decided = plot("decided", "Time until decided", ["median", "99 %"], duration);
    this.acknowledged = plot("acknowledged", "Time until acknowledged", ["median", "99 %"], duration);
  }

  async look() {
    const [now, history] = await Promise.all([this.api.get("/v1/operations"), this.api.get(`/v1/operations/history?after=${this.#after}`)]);
    this.#learn(history);
    this.#show(now);
    return now;
  }

  #learn(history) {
    history.second.forEach((second, i) => {
      this.rate.add(second, [history.issued[i], history.refused[i], history.gate_refused[i], history.dead_lettered[i]]);
      this.decided.add(second, [history.decided_p50_ms[i], history.decided_p99_ms[i]]);
      this.acknowledged.add(second, [history.acknowledged_p50_ms[i], history.acknowledged_p99_ms[i]]);
      this.#after = second;
    });
  }

  #show(now) {
    const second = Math.floor(Date.parse(now.server_time) / 1_000);
    this.#showParts(now.parts);
    this.#showAudits(now.audits);
    this.#showTiles(now);
    this.#showPartitions(now.partitions);
    this.#showOutcomes(now.outcomes);
    this.#learnQueues(second, now.partitions);
    this.#second = second;
    this.draw();
  }

  draw() {
    for (const plot of [this.rate, this.decided, this.acknowledged, this.#queue]) plot?.draw(this.#second);
  }

  #showParts(parts) {
    const items = parts.map(({ name, state, detail }) =>
      element("li", { className: `is-${state}` }, element("b", { textContent: name }), ` ${state === "ok" ? "well" : state}${detail ? `: ${detail}` : ""}`),
    );
    at("parts").replaceChildren(...items);
  }

  #showAudits(audits) {
    const items = Object.entries(AUDITS).map(([kind, name]) => {
      const audit = audits === null ? undefined : audits[kind];
      const item = element("li", { className: `is-${audit?.verdict ?? "none"}`, title: audit ? time(audit.ended_at) : "" },
        element("b", { textContent: name }), " ", element("span", { textContent: verdictOf(audit) }));
      const findings = findingsOf(audit);
      if (findings.length > 0) item.append(element("ul", {}, ...findings.map((textContent) => element("li", { textContent }))));
      return item;
    });
    at("audits").replaceChildren(...items);
  }

  #showTiles({ gateway, outcomes, decided, partitions }) {
    const lengths = partitions.map((one) => one.queue_length);
    const waiting = lengths.length === 0 || lengths.includes(null) ? null : lengths.reduce((sum, one) => sum + one, 0);
    const oldest = partitions.reduce((most, one) => (one.oldest_ms === null ? most : Math.max(most ?? 0, one.oldest_ms)), null);
    const backlog = partitions.reduce((sum, one) => sum + one.outbox_backlog, 0);
    const dead = partitions.reduce((sum, one) => sum + one.dead_letters_open, 0);
    describe(at("tiles"), [
      ["Issued a second", count(outcomes.per_second.issued)],
      ["Refused a second", count(outcomes.per_second.refused)],
      ["Accepted a second, this gateway", count(gateway.accepted_per_second)],
      ["Refused at the gate a second, this gateway", count(gateway.gate_refused_per_second)],
      ["Waiting for a decision", count(waiting)],
      ["Oldest of them", duration(oldest)],
      ["Decided, median", duration(decided.p50_ms)],
      ["Decided, 99 %", duration(decided.p99_ms)],
      ["Acknowledged, median", duration(gateway.acknowledged.p50_ms)],
      ["Acknowledged, 99 %", duration(gateway.acknowledged.p99_ms)],
      ["Batches not known to be published", count(backlog)],
      ["Open dead letters", count(dead)],
      ["Requests held for their outcome", count(gateway.waits)],
      ["Event streams", count(gateway.streams)],
      ["Jobs that wait for Postgres", count(gateway.store_queue)],
      ["Share of submits let in", `${count(gateway.admitted_share * 100)} %`],
    ]);
  }

  #showPartitions(partitions) {
    const rows = partitions.slice(0, SHOWN_PARTITIONS_MAX).map((one) =>
      row(
        String(one.partition),
        count(one.queue_length),
        duration(one.oldest_ms),
        count(one.next_offset),
        one.committed_ms_ago === null ? "–" : `${duration(one.committed_ms_ago)} ago`,
        count(one.epoch),
        one.issuer === null ? "nobody" : `${one.issuer.address || "local"}, since ${time(one.issuer.since)}`,
        count(one.outbox_backlog),
        count(one.dead_letters_open),
      ),
    );
    if (partitions.length > SHOWN_PARTITIONS_MAX) rows.push(row(`and ${partitions.length - SHOWN_PARTITIONS_MAX} more`));
    at("partitions").replaceChildren(...rows);
  }

  #showOutcomes({ since, total }) {
    at("outcomes-since").textContent = `Of the whole system, since this gateway began on ${time(since)}.`;
    describe(at("outcomes"), Object.entries(total).map(([name, number]) => [name, count(number)]));
  }

  // The longest queues of the first look keep their lines: a plot whose lines change places says nothing.
  #learnQueues(second, partitions) {
    if (partitions.length === 0) return;
    if (this.#queue === null) {
      const names = partitions.slice(0, PLOTTED_PARTITIONS_MAX - 1).map((one) => `partition ${one.partition}`);
      this.#queue = new Plot(at("plot-queue"), at("legend-queue"), "Requests that wait", ["all", ...names], { format: count });
    }
    const sum = partitions.reduce((all, one) => (one.queue_length === null ? all : all + one.queue_length), 0);
    const each = partitions.slice(0, PLOTTED_PARTITIONS_MAX - 1).map((one) => one.queue_length);
    this.#queue.add(second, [sum, ...each]);
  }
}
