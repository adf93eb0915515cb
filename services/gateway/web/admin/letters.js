// Dead letters: a page of them at a time, one with its bytes, replay and discard. What is done to several is planned first.

import { at, count, describe, element, row, sure, time } from "./dom.js";

const PAGE = 50;

// The offsets as the gateway wants them; a place is PARTITION:OFFSET.
export function orderFor(letter) {
  return { partition: letter.partition, first_offset: letter.offset, last_offset: letter.offset };
}

export function toldOf(answer) {
  const skipped = Object.entries(answer.skipped).map(([why, times]) => `${times} ${why.toLowerCase().replaceAll("_", " ")}`);
  const parts = [answer.executed ? `${answer.done} of ${answer.planned} done` : `${answer.planned} of ${answer.matched} would be done`];
  if (skipped.length > 0) parts.push(`left out: ${skipped.join(", ")}`);
  if (answer.unknown > 0) parts.push(`${answer.unknown} perhaps in the log: do it again, nothing is decided twice`);
  if (!answer.complete) parts.push("it ended early: do it again, it goes on");
  return `${parts.join("; ")}.`;
}

export class Letters {
  #after = null;
  #nextAfter = null;
  #open = null;

  constructor(api) {
    this.api = api;
    at("letters-find").onsubmit = (event) => {
      event.preventDefault();
      this.#page(null);
    };
    at("letters-first").onclick = () => this.#page(null);
    at("letters-next").onclick = () => this.#page(this.#nextAfter);
    at("letters-replay-all").onclick = () => this.#replayAll();
    at("replay").onclick = () => this.#act("replay");
    at("discard").onclick = () => this.#act("discard");
  }

  async look() {
    if (this.#open !== null && at("letter").open) this.#show(await this.api.get(`/v1/dead-letters/${this.#open.partition}:${this.#open.offset}`));
    else await this.#list();
  }

  #query() {
    const query = new URLSearchParams({ limit: PAGE });
    const state = at("letters-state").value;
    const reason = at("letters-reason").value.trim();
    if (state !== "") query.set("state", state);
    if (reason !== "") query.set("reason", reason);
    if (this.#after !== null) query.set("after", this.#after);
    return query.toString();
  }

  async #list() {
    const query = this.#query();
    const page = await this.api.get(`/v1/dead-letters?${query}`);
    if (query !== this.#query()) return;
    this.#nextAfter = page.next_after;
    const focused = document.activeElement?.dataset?.letter;
    at("letters").replaceChildren(...page.dead_letters.map((letter) => this.#row(letter)));
    if (focused !== undefined) at("letters").querySelector(`[data-letter="${focused}"]`)?.focus();
    at("letters-none").hidden = page.dead_letters.length > 0;
    at("letters-next").disabled = page.next_after === null;
    at("letters-first").disabled = this.#after === null;
  }

  #page(after) {
    this.#after = after;
    return this.#list().catch((error) => {
      at("stale").hidden = false;
      at("stale").textContent = error.message;
    });
  }

  #row(letter) {
    const place = `${letter.partition}:${letter.offset}`;
    const open = element("button", { type: "button", textContent: "Open", ariaLabel: `Open dead letter ${place}`, onclick: () => this.#openOne(letter) });
    open.dataset.letter = place;
    return row(place, letter.state.replace("_", " "), letter.reason, element("bdi", { textContent: letter.decoded }), time(letter.arrived_at), count(letter.replays), open);
  }

  async #openOne({ partition, offset }) {
    at("letter-fault").textContent = "";
    at("letter-done").textContent = "";
    try {
      const letter = await this.api.get(`/v1/dead-letters/${partition}:${offset}`);
      at("letter").showModal();
      this.#show(letter);
    } catch (error) {
      at("stale").hidden = false;
      at("stale").textContent = error.message;
    }
  }

  #show(letter) {
    this.#open = letter;
    at("letter-title").textContent = `Dead letter ${letter.partition}:${letter.offset}`;
    describe(at("letter-facts"), [
      ["State", letter.state.replace("_", " ")],
      ["Reason", letter.reason],
      ["Error", letter.error],
      ["Record", letter.decoded],
      ["Campaign", letter.campaign_id === null ? "unknown" : String(letter.campaign_id)],
      ["Arrived", time(letter.arrived_at)],
      ["Replays", letter.replay_records.map((one) => `${one.offset} by ${one.sent_by} at ${time(one.sent_at)}`).join("; ") || "none"],
      ["Decided at", letter.final_offset === null ? "not decided" : `offset ${letter.final_offset}`],
      ["Trace", letter.headers.length === 0 ? "no headers" : `${letter.headers.length} headers`],
    ]);
    at("letter-bytes").textContent = letter.readable;
    at("replay").disabled = letter.state !== "open" || !letter.replayable;
    at("discard").disabled = letter.state !== "open";
  }

  async #act(action) {
    const place = `${this.#open.partition}:${this.#open.offset}`;
    const isGrave = action === "discard";
    if (isGrave && !(await sure(`Discard ${place}?`, "It stays as it is, its receipt stays failed, and it is never replayed.", "Discard"))) return;
    at("letter-fault").textContent = "";
    try {
      const answer = await this.api.post(`/v1/dead-letter-${action}s`, { ...orderFor(this.#open), execute: true });
      at("letter-done").textContent = toldOf(answer);
      await this.look();
    } catch (error) {
      at("letter-fault").textContent = error.message;
    }
  }

  async #replayAll() {
    const reason = at("letters-reason").value.trim();
    const order = { ...(reason === "" ? {} : { reason }) };
    try {
      const plan = await this.api.post("/v1/dead-letter-replays", order);
      const isSure = plan.planned > 0 && (await sure(`Replay ${plan.planned} dead letters?`, `${toldOf(plan)} At most 1,000 at a time; the command line does more, at a rate.`, "Replay"));
      at("stale").hidden = false;
      at("stale").textContent = isSure ? toldOf(await this.api.post("/v1/dead-letter-replays", { ...order, max: plan.planned, execute: true })) : toldOf(plan);
      await this.#list();
    } catch (error) {
      at("stale").hidden = false;
      at("stale").textContent = error.message;
    }
  }
}
