// "/c/{id}": one campaign, from the countdown to the coupon. Looks at the campaign now and then, follows the user's request, and says what the
// screen shall show. Whatever happens to page, tab, device or network: the receipt is kept by the client, and the request is decided anyway.

import { left, milestone, untilNextSecond } from "./countdown.js";
import { randomName } from "./identity.js";
import { Progress } from "./progress.js";
import { lookAgainAfter, refusalIsOver, screenOf } from "./view.js";

const ASK_AGAIN_MAX = 3; // where the button was pressed a moment too early
const EARLY_MS_MAX = 3_000;
const LOOK_AGAIN_MS_MAX = 15_000;
const FAILED_AGAIN_MS = 60_000;
const KEPT_MAX = 100; // coupons

export class CampaignPage {
  #campaign = null;
  #seenAt = -Infinity; // by the steady clock
  #isMissing = false;
  #phase = "idle";
  #outcome = null;
  #refusedAt = -Infinity;
  #progress = null;
  #coupons = [];
  #wantsAnother = false;
  #trouble = null;
  #isReached = true;
  #attempt = null; // AbortController of what is being followed
  #timers = {};
  #failures = 0;
  #secondsLeft = 0;
  #hiddenAt = null;

  constructor({ id, user, client, screen, clock, service, storage, onSignedOut }) {
    Object.assign(this, { id, user, client, screen, clock, service, storage, onSignedOut });
  }

  start() {
    this.screen.onPress("ask", () => this.#press());
    this.screen.onPress("copy", () => this.#copy());
    addEventListener("online", () => this.#wake());
    addEventListener("offline", () => this.setReached(false));
    addEventListener("pageshow", (event) => event.persisted && this.#wake());
    addEventListener("storage", (event) => event.key?.startsWith("openrun:") && this.#otherTab());
    document.addEventListener("visibilitychange", () => this.#turned());
    this.#readKept();
    this.#look();
    if (this.user && this.#coupons.length === 0 && this.client.receipt(this.id, this.user.userId, this.#key())) this.#follow("resume");
  }

  setReached(isReached) {
    this.#isReached = isReached;
    this.screen.connection(isReached, this.#phase === "waiting");
  }

  render() {
    const now = this.clock.now();
    const campaign = this.#campaign;
    const screen = this.#screen(now);
    const untilOpening = campaign ? Date.parse(campaign.starts_at) - now : 0;
    const kept = this.#kept;
    this.screen.campaign({
      screen,
      now,
      name: campaign?.name ?? kept?.name ?? "",
      description: campaign?.description ?? kept?.description ?? "",
      policy: campaign?.policy ?? kept?.policy,
      startsAt: campaign?.starts_at,
      left: left(untilOpening),
      stock: campaign?.stock ?? 0,
      remaining: campaign?.remaining ?? null,
      progress: this.#progress,
      coupon: this.#coupons.at(-1),
      earlier: this.#coupons.slice(0, -1),
      detail: this.#trouble,
      isSignedOut: this.user === null,
      canAskAgain: this.#canAskAgain(now),
    });
    this.#tellTime(screen, left(untilOpening).total);
    this.#renderAgain(screen, untilOpening);
  }

  #screen(now) {
    return screenOf({
      campaign: this.#campaign,
      isMissing: this.#isMissing,
      phase: this.#phase,
      outcome: this.#outcome,
      coupons: this.#coupons,
      trouble: this.#trouble,
      wantsAnother: this.#wantsAnother,
    }, now);
  }

  #tellTime(screen, seconds) {
    if (screen !== "scheduled") return;
    const passed = milestone(this.#secondsLeft, seconds);
    this.#secondsLeft = seconds;
    if (passed !== null) this.screen.tellOpening(passed);
  }

  // At each second of the countdown, and at the opening itself.
  #renderAgain(screen, untilOpening) {
    if (screen === "scheduled") this.#later("render", Math.min(1_000, untilNextSecond(untilOpening)), () => this.render());
    else if (screen === "waiting" || screen === "open") this.#later("render", 1_000, () => this.render());
  }

  // ---- the campaign

  async #look() {
    clearTimeout(this.#timers.look);
    const isWorthIt = !document.hidden || this.#campaign === null;
    let pause = 0;
    if (isWorthIt) {
      try {
        const campaign = await this.service.campaign(this.id);
        this.#failures = 0;
        this.#saw(campaign);
      } catch (error) {
        if (error.status === 404) this.#isMissing = true;
        pause = Math.max(error.retryAfterMs ?? 0, Math.random() * Math.min(LOOK_AGAIN_MS_MAX, 1_000 * 2 ** this.#failures++));
      }
      this.render();
    }
    this.#later("look", pause || lookAgainAfter(this.#screen(this.clock.now()), Math.random()), () => this.#look());
  }

  #saw(campaign) {
    this.#campaign = campaign;
    this.#isMissing = false;
    this.#seenAt = performance.now();
    // A coupon of another campaign that had this number.
    if (this.#kept && this.#kept.created_at !== campaign.created_at) {
      this.storage.removeItem(this.#slot("coupons"));
      this.#kept = null;
      this.#coupons = [];
    }
    if (refusalIsOver(this.#outcome, this.#refusedAt, campaign, this.#seenAt, this.clock.now())) this.#forgetRefusal();
  }

  #forgetRefusal() {
    if (this.user) this.client.forget(this.id, this.user.userId, this.#key());
    this.#outcome = null;
  }

  // ---- the request

  #press() {
    const now = this.clock.now();
    if (this.#phase !== "idle" || !this.user) return;
    if (this.#canAskAgain(now) && this.#coupons.length > 0) this.#addKey();
    else if (this.#screen(now) !== "open") return;
    this.#follow("request");
  }

  // Until the outcome is known. `how`: resume asks for nothing new.
  async #follow(how) {
    this.#phase = how === "request" ? "asking" : "idle";
    this.#trouble = null;
    this.#progress = null;
    const receipt = this.client.receipt(this.id, this.user.userId, this.#key());
    if (receipt) this.#updated({ receipt }, false);
    this.render();
    for (let early = 0; ; ) {
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      try {
        const outcome = await this.client[how](this.id, this.user.userId, { ...this.#key(), signal, onUpdate: (waiting) => this.#updated(waiting) });
        if (outcome?.reason === "NOT_STARTED" && early++ < ASK_AGAIN_MAX && (await this.#opensInAMoment())) continue;
        return this.#settle(outcome);
      } catch (error) {
        if (!signal.aborted && !(await this.#goesOn(error))) return this.render();
      }
    }
  }

  // A page that is loaded again shows what it showed before, until it knows better.
  #updated({ receipt, position, etaMs }, isNew = true) {
    this.#progress ??= new Progress(parse(this.storage.getItem(this.#slot("progress")), receipt));
    if (isNew) {
      this.#phase = "waiting";
      this.#progress.update({ position, etaMs }, this.clock.now());
      this.storage.setItem(this.#slot("progress"), JSON.stringify({ ...this.#progress.toKeep(), receipt }));
      this.render();
    } else if (this.#progress.position !== null) {
      this.#phase = "waiting";
    }
  }

  // The log's clock decides what is too early, and it may be behind the one that was measured here.
  async #opensInAMoment() {
    this.client.forget(this.id, this.user.userId, this.#key());
    const wait = Date.parse(this.#campaign?.starts_at) - this.clock.now();
    if (!(wait < EARLY_MS_MAX)) return false;
    await new Promise((done) => this.#later("early", Math.max(wait, 0) + 100 + Math.random() * 300, done));
    return true;
  }

  // Whether the request is still to be followed: a service that could not be reached for long is no outcome.
  async #goesOn(error) {
    const { status } = error;
    if (status === undefined || status === 0 || status === 410 || status === 429 || status >= 500) {
      await new Promise((done) => this.#later("again", 500 + Math.random() * 1_500, done));
      return true;
    }
    this.#phase = "idle";
    this.#attempt = null;
    if (status === 401) {
      this.user = null;
      this.onSignedOut();
    } else {
      this.#trouble = error.message;
    }
    return false;
  }

  #settle(outcome) {
    this.#phase = "idle";
    this.#attempt = null;
    this.#wantsAnother = false;
    this.#outcome = outcome;
    this.storage.removeItem(this.#slot("progress"));
    if (outcome?.coupon) this.#keep(outcome.coupon);
    if (outcome?.status === "rejected") this.#refusedAt = performance.now();
    if (outcome?.status === "failed") this.#later("failed", FAILED_AGAIN_MS, () => this.#follow("resume"));
    if (outcome?.reason === "CAMPAIGN_NOT_FOUND") this.#isMissing = true;
    this.render();
    this.#later("look", 500 + Math.random() * 1_000, () => this.#look());
  }

  // ---- coupons, kept on this device

  #slot(kind) {
    return `openrun:${kind}:${this.id}:${this.user?.userId ?? ""}`;
  }

  #readKept() {
    this.#kept = this.user ? parse(this.storage.getItem(this.#slot("coupons"))) : null;
    this.#coupons = Array.isArray(this.#kept?.coupons) ? this.#kept.coupons : [];
  }
  #kept = null;

  #keep(coupon) {
    this.#coupons = [...this.#coupons.filter((other) => other.code !== coupon.code), coupon].slice(-KEPT_MAX);
    const { name, description, policy, created_at } = this.#campaign ?? this.#kept ?? {};
    this.#kept = { name, description, policy, created_at, coupons: this.#coupons };
    this.storage.setItem(this.#slot("coupons"), JSON.stringify(this.#kept));
  }

  // A campaign that gives several to a user wants a key for each.
  #key() {
    if (!this.user || !(this.#campaign?.policy.max_per_user > 1 || this.storage.getItem(this.#slot("key")))) return {};
    const key = this.storage.getItem(this.#slot("key")) ?? randomName();
    this.storage.setItem(this.#slot("key"), key);
    return { key };
  }

  #addKey() {
    this.storage.setItem(this.#slot("key"), randomName());
    this.#wantsAnother = true;
    this.#outcome = null;
  }

  #canAskAgain(now) {
    const campaign = this.#campaign;
    if (!campaign || this.#coupons.length === 0 || this.#coupons.length >= campaign.policy.max_per_user) return false;
    const known = { campaign, isMissing: false, phase: "idle", outcome: null, coupons: [], trouble: null };
    return this.#outcome?.status !== "rejected" && screenOf(known, now) === "open";
  }

  async #copy() {
    const { code } = this.#coupons.at(-1);
    try {
      await navigator.clipboard.writeText(code);
      this.screen.copied(true);
    } catch {
      this.screen.copied(this.screen.selectCode());
    }
  }

  // ---- tab, device, network

  #turned() {
    if (document.hidden) {
      this.#hiddenAt = Date.now();
      return;
    }
    const wasAway = this.#hiddenAt !== null && Date.now() - this.#hiddenAt > 5_000;
    if (wasAway || this.clock.isSuspect()) this.#wake();
    else this.#look();
  }

  // What waits for an answer over a connection that may be gone begins anew at once.
  #wake() {
    this.#attempt?.abort(new DOMException("the page is awake again", "AbortError"));
    this.#failures = 0;
    this.#look();
  }

  // The same user in another tab has learned something.
  #otherTab() {
    if (this.#phase !== "idle" || !this.user) return;
    this.#readKept();
    const hasNew = this.#coupons.length === 0 && this.#outcome === null && this.client.receipt(this.id, this.user.userId, this.#key());
    if (hasNew) this.#follow("resume");
    else this.render();
  }

  #later(name, ms, work) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(work, ms);
  }
}

// What was kept, or null; of another receipt nothing.
function parse(text, receipt) {
  try {
    const kept = JSON.parse(text);
    return receipt === undefined || kept?.receipt === receipt ? kept : null;
  } catch {
    return null;
  }
}
