// The operators' page without a browser: what it sends and what it says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "./api.js";
import { findingsOf, verdictOf } from "./audits.js";
import { campaignOf } from "./campaigns.js";
import { count, duration } from "./dom.js";
import { orderFor, toldOf } from "./letters.js";
import { niceTop } from "./plot.js";

const EMPTY = { name: "", description: "", stock: "", starts_at: "", ends_at: "", "policy.max_per_user": "", "policy.code_format": "hangul", "policy.valid_for_seconds": "" };

test("what stays empty is not sent", () => {
  assert.deepEqual(campaignOf(EMPTY), { name: "", policy: { code_format: "hangul" } });
});

test("numbers may be grouped, and what is none is left to the gateway to refuse", () => {
  assert.equal(campaignOf({ ...EMPTY, stock: "1,000,000" }).stock, 1_000_000);
  assert.equal(campaignOf({ ...EMPTY, stock: "many" }).stock, "many");
  assert.equal(campaignOf({ ...EMPTY, "policy.valid_for_seconds": "1.5" }).policy.valid_for_seconds, 129_600);
});

test("a time is sent with its zone", () => {
  assert.match(campaignOf({ ...EMPTY, starts_at: "2026-01-01T09:00:00" }).starts_at, /^2026-01-01T.*Z$|^2025-12-31T.*Z$/);
});

test("a replay names one record", () => {
  assert.deepEqual(orderFor({ partition: 3, offset: 17 }), { partition: 3, first_offset: 17, last_offset: 17 });
});

test("what became of an action is told whole", () => {
  const answer = { executed: true, matched: 5, planned: 3, done: 2, unknown: 1, complete: false, skipped: { NOT_READABLE: 2 } };
  assert.equal(toldOf(answer), "2 of 3 done; left out: 2 not readable; 1 perhaps in the log: do it again, nothing is decided twice; it ended early: do it again, it goes on.");
});

const AUDIT = { verdict: "clean", by: "kim@host", ended_at: "2026-01-01T00:00:00.000Z", ms_ago: 61_000, took_ms: 250, partitions: 4, campaigns: 7, coupons: 12_345, found: 0, not_checked: 0, findings: [] };

test("an audit that never was, one that nobody knows of and a clean one are told apart", () => {
  assert.equal(verdictOf(null), "never");
  assert.match(verdictOf(undefined), /unknown/);
  assert.equal(verdictOf(AUDIT), "clean (12,345 coupons of 7 campaigns in 4 partitions; 1 min 1 s ago, by kim@host, in 250 ms)");
  assert.deepEqual([null, undefined, AUDIT].map(findingsOf), [[], [], []]);
});

test("what an audit found is named, and what is not shown is counted", () => {
  const wrong = { ...AUDIT, verdict: "wrong", found: 21, not_checked: 1, findings: [{ invariant: "issued_is_coupons", text: "campaign 7" }] };
  assert.match(verdictOf(wrong), /^WRONG: 21 found, and 1 things could not be checked/);
  assert.deepEqual(findingsOf(wrong), ["issued_is_coupons: campaign 7", "and 20 more"]);
  assert.match(verdictOf({ ...AUDIT, verdict: "incomplete", not_checked: 2 }), /^nothing found, but 2 things/);
});

test("times and counts are short", () => {
  assert.deepEqual([null, 0, 2.34, 250, 2_500, 61_000, 3_660_000].map(duration), ["–", "0 ms", "2.3 ms", "250 ms", "2.5 s", "1 min 1 s", "1 h 1 min"]);
  assert.equal(count(12_345.67), "12,345.7");
});

test("an axis ends at a round number that is not below", () => {
  assert.deepEqual([0, 0.3, 1, 3, 7, 1_200].map(niceTop), [1, 0.5, 1, 5, 10, 2_000]);
});

test("a refused token is forgotten, and no call carries it anywhere but in its header", async () => {
  const kept = new Map();
  const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
  const calls = [];
  let signedOut = 0;
  const fetch = async (path, sent) => {
    calls.push([path, sent]);
    return { ok: false, status: 401, json: async () => ({ code: "UNAUTHENTICATED", detail: "No." }) };
  };
  const api = new Api({ storage, fetch, signedOut: () => { signedOut += 1; } });
  api.token = "secret";
  await assert.rejects(api.post("/v1/campaigns", { name: "x" }, "key"), { status: 401, code: "UNAUTHENTICATED" });
  assert.equal(signedOut, 1);
  const [path, sent] = calls[0];
  assert.equal(sent.headers.Authorization, "Bearer secret");
  assert.ok(!path.includes("secret") && !sent.body.includes("secret"));
  assert.equal(sent.headers["Idempotency-Key"], "key");
});
