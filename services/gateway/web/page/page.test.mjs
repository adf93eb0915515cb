// node --test: the page's pure parts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "./clock.js";
import { left, milestone, untilNextSecond } from "./countdown.js";
import { safeStorage, subjectOf, takeToken, whoIsIt } from "./identity.js";
import { Progress } from "./progress.js";
import { refusalIsOver, screenOf, stateAt } from "./view.js";
import { chooseLanguage, discount, load, number, span } from "./words.js";

// ---- the clock

function clockAt({ wall = 0, steady = 0 } = {}) {
  const times = { wall, steady };
  return { times, clock: new ServerClock({ wall: () => times.wall, steady: () => times.steady }) };
}

test("the service's time is what it wrote, half a round trip ago", () => {
  const { times, clock } = clockAt({ wall: 5_000_000 });
  clock.measure(1_000, 1_200, 90_000);
  times.steady = 1_200;
  assert.equal(clock.now(), 90_100);
  times.steady = 4_200;
  assert.equal(clock.now(), 93_100);
  assert.ok(clock.doubt() >= 100);
});

test("the shortest round trip counts, until it is old", () => {
  const { times, clock } = clockAt();
  clock.measure(0, 40, 10_000);
  clock.measure(100, 1_100, 99_000);
  times.steady = 1_100;
  assert.equal(clock.now(), 11_080);
  times.steady = 20_000_000;
  clock.measure(19_999_000, 20_000_000, 77_000);
  assert.equal(clock.now(), 77_500);
});

test("a better measurement does not make time run back", () => {
  const { times, clock } = clockAt();
  clock.measure(0, 400, 10_000);
  times.steady = 400;
  assert.equal(clock.now(), 10_200);
  clock.measure(390, 400, 10_000);
  assert.equal(clock.now(), 10_200);
  times.steady = 600;
  assert.equal(clock.now(), 10_205);
});

test("a device that slept or whose clock was set is measured again", () => {
  const { times, clock } = clockAt();
  assert.ok(clock.isSuspect());
  clock.measure(0, 2, 10_000);
  assert.ok(!clock.isSuspect());
  times.wall = 60_000;
  times.steady = 100;
  assert.ok(clock.isSuspect());
  clock.measure(100, 900, 70_000);
  times.steady = 900;
  assert.equal(clock.now(), 70_400);
});

test("what is no time is no measurement", () => {
  const { clock } = clockAt({ wall: 7 });
  clock.measure(0, 2, NaN);
  clock.measure(5, 2, 1_000);
  assert.equal(clock.now(), 7);
});

// ---- the countdown

test("a second that has begun is shown whole", () => {
  assert.deepEqual(left(90_061_000), { days: 1, hours: 1, minutes: 1, seconds: 1, total: 90_061 });
  assert.equal(left(1).total, 1);
  assert.equal(left(0).total, 0);
  assert.equal(left(-5_000).total, 0);
});

test("the next change is at the next whole second, and the last at the opening", () => {
  assert.equal(untilNextSecond(1_250), 250);
  assert.equal(untilNextSecond(2_000), 1_000);
  assert.equal(untilNextSecond(1), 1);
  assert.equal(untilNextSecond(-1), 0);
});

test("what is told aloud is told once, the nearest of what was passed", () => {
  assert.equal(milestone(61, 60), 60);
  assert.equal(milestone(60, 59), null);
  assert.equal(milestone(700, 20), 30);
  assert.equal(milestone(11, 0), null);
});

// ---- the queue

test("neither position nor expected time moves back", () => {
  const progress = new Progress();
  progress.update({ position: 100, etaMs: 10_000 }, 0);
  progress.update({ position: 120, etaMs: 30_000 }, 1_000);
  assert.equal(progress.position, 100);
  assert.equal(progress.remaining(1_000), 9_000);
  progress.update({ position: 30, etaMs: 2_000 }, 2_000);
  assert.equal(progress.position, 30);
  assert.equal(progress.remaining(2_000), 2_000);
  assert.equal(progress.share(), 0.75);
  progress.update({ position: 30, etaMs: null }, 3_000);
  assert.equal(progress.remaining(3_000), 1_000);
  assert.equal(progress.remaining(9_000), 0);
});

test("a queue that has become slower is said to be late, not shown to grow", () => {
  const progress = new Progress();
  progress.update({ position: 10, etaMs: 1_000 }, 0);
  progress.update({ position: 9, etaMs: 60_000 }, 1_000);
  assert.ok(progress.isLate);
  progress.update({ position: 1, etaMs: 500 }, 2_000);
  assert.ok(!progress.isLate);
});

test("a page that is loaded again goes on where it was", () => {
  const before = new Progress();
  before.update({ position: 50, etaMs: 5_000 }, 0);
  before.update({ position: 40, etaMs: 4_000 }, 0);
  const after = new Progress(JSON.parse(JSON.stringify(before.toKeep())));
  after.update({ position: 45, etaMs: null }, 1_000);
  assert.equal(after.position, 40);
  assert.ok(Math.abs(after.share() - 0.2) < 1e-9);
  assert.equal(after.remaining(1_000), 3_000);
});

test("a position that is not known yet is none", () => {
  assert.equal(new Progress().share(), 0);
  assert.equal(new Progress().remaining(0), null);
});

// ---- the screen

const OPENS = Date.parse("2026-01-01T00:00:00.000Z");
const base = { state: "open", remaining: 5, starts_at: "2026-01-01T00:00:00.000Z", ends_at: null };
const known = { campaign: base, isMissing: false, phase: "idle", outcome: null, coupons: [], trouble: null, wantsAnother: false };

test("a campaign opens and ends by the time, also between two looks", () => {
  assert.equal(stateAt({ ...base, state: "scheduled" }, OPENS - 1), "scheduled");
  assert.equal(stateAt({ ...base, state: "scheduled" }, OPENS), "open");
  assert.equal(stateAt({ ...base, state: "scheduled", remaining: 0 }, OPENS), "sold_out");
  assert.equal(stateAt({ ...base, ends_at: "2026-01-02T00:00:00.000Z" }, OPENS + 86_400_000), "ended");
  for (const state of ["closed", "ended", "paused", "sold_out"]) assert.equal(stateAt({ ...base, state }, OPENS + 1), state);
});

test("what the user has or waits for comes before what the campaign does", () => {
  const shown = (more) => screenOf({ ...known, ...more }, OPENS + 1);
  assert.equal(shown({}), "open");
  assert.equal(shown({ campaign: null }), "loading");
  assert.equal(shown({ isMissing: true }), "missing");
  assert.equal(shown({ phase: "asking" }), "asking");
  assert.equal(shown({ phase: "waiting", coupons: [{}] }), "waiting");
  assert.equal(shown({ coupons: [{}], campaign: { ...base, state: "closed" } }), "already");
  assert.equal(shown({ coupons: [{}], campaign: null }), "already");
  assert.equal(shown({ coupons: [{}], outcome: { status: "issued" } }), "issued");
  assert.equal(shown({ outcome: { status: "failed" } }), "failed");
  assert.equal(shown({ trouble: "no" }), "trouble");
});

test("each refusal has its screen", () => {
  const reasons = { SOLD_OUT: "sold_out", ENDED: "ended", CLOSED: "closed", PAUSED: "paused", LIMIT_REACHED: "limit", NOT_STARTED: "scheduled", CAMPAIGN_NOT_FOUND: "missing" };
  for (const [reason, screen] of Object.entries(reasons)) {
    assert.equal(screenOf({ ...known, outcome: { status: "rejected", reason } }, OPENS + 1), screen);
  }
});

test("a refusal stands until the campaign is seen open some time after it", () => {
  const soldOut = { status: "rejected", reason: "SOLD_OUT" };
  assert.ok(!refusalIsOver(soldOut, 1_000, base, 1_500, OPENS + 1));
  assert.ok(refusalIsOver(soldOut, 1_000, base, 4_000, OPENS + 1));
  assert.ok(!refusalIsOver(soldOut, 1_000, { ...base, remaining: 0 }, 4_000, OPENS + 1));
  assert.ok(!refusalIsOver({ status: "rejected", reason: "CLOSED" }, 1_000, base, 4_000, OPENS + 1));
  assert.ok(!refusalIsOver(null, 1_000, base, 4_000, OPENS + 1));
});

// ---- the words

test("the language is the remembered one, else the document's, else English", () => {
  assert.equal(chooseLanguage("ko", "en"), "ko");
  assert.equal(chooseLanguage(null, "ko-KR"), "ko");
  assert.equal(chooseLanguage("xx", "KO"), "ko");
  assert.equal(chooseLanguage(null, "fr"), "en");
  assert.equal(chooseLanguage(undefined, ""), "en");
});

test("both languages say the same things", async () => {
  const shape = (words) =>
    Object.entries(words).map(([name, value]) => [name, Array.isArray(value) ? value.length : typeof value === "object" ? shape(value) : typeof value]);
  assert.deepEqual(shape(await load("ko")), shape(await load("en")));
});

test("spans are coarse, and shrink when time passes", async () => {
  const [ko, en] = [await load("ko"), await load("en")];
  assert.equal(span(1, en), "1 s");
  assert.equal(span(9_000, ko), "9초");
  assert.equal(span(31_000, ko), "40초");
  assert.equal(span(61_000, en), "2 min");
  assert.equal(span(80 * 60_000, en), "1 h 20 min");
  assert.equal(span(120 * 60_000, ko), "2시간");
  assert.equal(span(3 * 86_400_000, ko), "3일");
  const inSeconds = (text) => [...text.matchAll(/(\d+) (\w+)/g)].reduce((sum, [, n, unit]) => sum + n * { s: 1, min: 60, h: 3_600, d: 86_400 }[unit], 0);
  for (let seconds = 1, last = 0; seconds < 200_000; seconds += 7) {
    const told = inSeconds(span(seconds * 1_000, en));
    assert.ok(told >= last && told >= seconds, `${seconds} s: ${told} after ${last}`);
    last = told;
  }
});

test("numbers and discounts are written as the language writes them", async () => {
  const [ko, en] = [await load("ko"), await load("en")];
  assert.equal(number(1_234_567, ko), "1,234,567");
  assert.equal(discount({ type: "percent", value: 30 }, ko), "30% 할인");
  assert.equal(discount({ type: "amount", value: 5_000, currency: "KRW" }, en), "₩5,000 off");
  assert.equal(discount({ type: "amount", value: 5, currency: "!" }, en), "5 ! off");
});

// ---- the user

function memory(entries = {}) {
  const kept = new Map(Object.entries(entries));
  return { kept, getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
}
const tokenOf = (sub) => `h.${Buffer.from(JSON.stringify({ sub })).toString("base64url")}.s`;

test("where users are trusted, the named one counts, and else one is invented and kept", () => {
  const storage = memory();
  assert.equal(whoIsIt({ mode: "trusted", named: "kim", storage }).userId, "kim");
  const invented = whoIsIt({ mode: "trusted", storage }).userId;
  assert.match(invented, /^page-[0-9a-f]{32}$/);
  assert.equal(whoIsIt({ mode: "trusted", storage }).userId, invented);
  assert.notEqual(whoIsIt({ mode: "trusted", storage: memory() }).userId, invented);
});

test("where tokens are needed, one in the address is kept for the tab, and none is nobody", () => {
  const session = memory();
  assert.equal(whoIsIt({ mode: "jwt", session, storage: memory() }), null);
  assert.deepEqual(whoIsIt({ mode: "jwt", tokenInAddress: tokenOf("김"), session }), { userId: "김", token: tokenOf("김") });
  assert.equal(whoIsIt({ mode: "jwt", session }).userId, "김");
  assert.equal(whoIsIt({ mode: "jwt", named: "kim", session: memory() }), null);
});

test("the token is taken out of the address, and the rest stays", () => {
  assert.deepEqual(takeToken("https://x.example/c/7?a=1#token=t.t.t"), { token: "t.t.t", address: "https://x.example/c/7?a=1" });
  assert.deepEqual(takeToken("https://x.example/c/7#top"), { token: null, address: "https://x.example/c/7#top" });
});

test("what is no token names nobody", () => {
  for (const text of ["", "a", "a.b.c", "a.e30.c", `a.${btoa("[")}.c`, tokenOf(""), tokenOf(7)]) assert.equal(subjectOf(text), null);
});

test("storage that is forbidden or full keeps things as long as the page", () => {
  const forbidden = safeStorage(() => {
    throw new Error("SecurityError");
  });
  forbidden.setItem("a", 1);
  assert.equal(forbidden.getItem("a"), "1");
  forbidden.removeItem("a");
  assert.equal(forbidden.getItem("a"), null);
  const inner = memory({ a: "old" });
  const full = safeStorage(() => ({ ...inner, setItem: () => { throw new Error("QuotaExceededError"); } }));
  full.setItem("a", "new");
  assert.equal(full.getItem("a"), "new");
});
