// A small client for front-ends: asks for a coupon and follows the request until its outcome is known, through lost networks, reloads and
// refusals to hurry. No dependencies; browsers and Node 18 or newer. Served by every gateway at /openrun-client.js.
//
//   import { OpenrunClient } from "/openrun-client.js";
//   const client = new OpenrunClient();
//   const outcome = await client.request(7, "user-1", { onUpdate: (waiting) => show(waiting.position) });
//   // { status: "issued", coupon: {...} }, { status: "rejected", reason: "SOLD_OUT" } or { status: "failed", reason: "DEAD_LETTERED" }
//
// The receipt is stored before anything else is done with it. A page that is loaded again calls request() again, or resume() where it must not
// ask for anything new: both go on with the stored receipt. Asking twice never gives a user two coupons.

const REFUSED_IN_PASSING = new Set([429, 500, 502, 503, 504]);
// A stream that says nothing may be one whose connection is gone: the request is looked at again.
const SILENCE_MS_MAX = 40_000;

export class OpenrunError extends Error {
  // `problem` is the problem document of the answer (RFC 9457), where there is one; `code` is its code.
  constructor(message, status, problem) {
    super(message);
    this.name = "OpenrunError";
    this.status = status;
    this.problem = problem;
    this.code = problem?.code;
  }
}

export class OpenrunClient {
  // baseUrl: of the gateways, "" for where the page came from. storage: what has getItem, setItem and removeItem. headers: sent with every
  // call, as in { Authorization: "Bearer ..." }; a function is asked each time. waitSeconds: how long one call may be held (0 to 30).
  // giveUpAfterMs: how long a request is followed before request() rejects; the receipt stays stored. events: follow it by server-sent events
  // where the service has room for them, so that each step of the queue is seen; without them by held calls.
  constructor({
    baseUrl = "",
    storage = defaultStorage(),
    headers = {},
    waitSeconds = 20,
    events = false,
    giveUpAfterMs = 15 * 60_000,
    backoffMinMs = 250,
    backoffMaxMs = 10_000,
    fetch = globalThis.fetch.bind(globalThis),
    EventSource = globalThis.EventSource,
    random = Math.random,
    now = () => performance.now(),
    sleep = defaultSleep,
  } = {}) {
    Object.assign(this, { baseUrl, storage, headers, waitSeconds, events, giveUpAfterMs, backoffMinMs, backoffMaxMs });
    Object.assign(this, { fetch, EventSource, random, now, sleep });
  }

  // The outcome of the user's request, which is made unless one is on its way already. key: the Idempotency-Key, needed where a campaign gives
  // several coupons to a user: a new one for each coupon. userId may be null where a token says who it is.
  async request(campaign, userId, { key, signal, onUpdate } = {}) {
    const slot = this.#slot(campaign, userId, key);
    const deadline = this.now() + this.giveUpAfterMs;
    const stored = this.storage.getItem(slot);
    if (stored) {
      const outcome = await this.#follow(stored, slot, deadline, signal, onUpdate);
      if (outcome) return outcome;
    }
    const body = JSON.stringify(userId == null ? {} : { user_id: String(userId) });
    const headers = { "Content-Type": "application/json", ...(key === undefined ? {} : { "Idempotency-Key": key }) };
    const answer = await this.#call("POST", `/v1/campaigns/${encodeURIComponent(campaign)}/requests`, { headers, body }, deadline, signal);
    if (answer.status === 201) return this.#settled(answer.json, slot, answer.json.receipt);
    if (answer.status === 202) {
      this.storage.setItem(slot, answer.json.receipt);
      if (answer.json.status !== "waiting") return this.#settled(answer.json, slot, answer.json.receipt);
      tell(onUpdate, answer.json);
      await this.sleep(answer.json.poll_after_ms, signal);
      const outcome = await this.#follow(answer.json.receipt, slot, deadline, signal, onUpdate, answer.json.position);
      if (outcome) return outcome;
      throw new OpenrunError("the request is no longer known", 410);
    }
    const reason = answer.json?.code;
    const decided = answer.status === 409 || (answer.status === 404 && reason === "CAMPAIGN_NOT_FOUND");
    if (!decided) throw failure(answer);
    return { status: "rejected", reason, ...(answer.json.coupon ? { coupon: answer.json.coupon } : {}) };
  }

  // The outcome of a request that was made before; null where none is stored or it is no longer known.
  async resume(campaign, userId, { key, signal, onUpdate } = {}) {
    const slot = this.#slot(campaign, userId, key);
    const stored = this.storage.getItem(slot);
    if (!stored) return null;
    return this.#follow(stored, slot, this.now() + this.giveUpAfterMs, signal, onUpdate);
  }

  // The receipt that is stored, or null; forget() lets the next request() ask anew.
  receipt(campaign, userId, { key } = {}) {
    return this.storage.getItem(this.#slot(campaign, userId, key));
  }
  forget(campaign, userId, { key } = {}) {
    this.storage.removeItem(this.#slot(campaign, userId, key));
  }

  #slot(campaign, userId, key) {
    return `openrun:${campaign}:${userId ?? ""}${key === undefined ? "" : `:${key}`}`;
  }

  #settled({ status, reason, coupon }, slot, receipt) {
    this.storage.setItem(slot, receipt);
    return { status, ...(reason ? { reason } : {}), ...(coupon ? { coupon } : {}) };
  }

  // Null where the receipt is not known any more: it is forgotten then.
  async #follow(receipt, slot, deadline, signal, onUpdate, lowest = Infinity) {
    let listens = this.events && this.EventSource !== undefined;
    for (;;) {
      const headers = this.waitSeconds > 0 && !listens ? { Prefer: `wait=${this.waitSeconds}` } : {};
      const answer = await this.#call("GET", `/v1/requests/${encodeURIComponent(receipt)}`, { headers }, deadline, signal);
      if (answer.status === 404 || answer.status === 410) {
        this.storage.removeItem(slot);
        return null;
      }
      if (answer.status !== 200) throw failure(answer);
      if (answer.json.status !== "waiting") return this.#settled(answer.json, slot, receipt);
      // A position is an upper bound, and gateways may differ for a moment: what is shown only moves forward.
      const update = (request) => {
        lowest = Math.min(lowest, request.position);
        tell(onUpdate, { ...request, position: lowest });
      };
      update(answer.json);
      if (listens) {
        const outcome = await this.#listen(receipt, signal, update);
        if (outcome) return this.#settled(outcome, slot, receipt);
        // Where there is no room for streams, calls do it. One that broke off is opened again after a call that backs off while there is no network.
        listens = outcome === null;
      }
      await this.sleep(answer.json.poll_after_ms, signal);
      if (this.now() > deadline) throw new OpenrunError("the request is still waiting", 0);
    }
  }

  // The outcome by server-sent events; null where they break off or nothing is heard for long, undefined where they never began.
  async #listen(receipt, signal, update) {
    signal?.throwIfAborted();
    const source = new this.EventSource(`${this.baseUrl}/v1/requests/${encodeURIComponent(receipt)}/events`);
    const ended = new AbortController();
    let timer;
    let broken;
    const outcome = new Promise((resolve, reject) => {
      const silence = () => resolve(broken);
      const heard = () => {
        broken = null;
        clearTimeout(timer);
        timer = setTimeout(silence, SILENCE_MS_MAX);
      };
      timer = setTimeout(silence, SILENCE_MS_MAX);
      source.addEventListener("open", heard);
      source.addEventListener("position", ({ data }) => {
        heard();
        update(JSON.parse(data));
      });
      source.addEventListener("outcome", ({ data }) => resolve(JSON.parse(data)));
      for (const end of ["problem", "error"]) source.addEventListener(end, silence);
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: ended.signal });
    });
    try {
      return await outcome;
    } finally {
      clearTimeout(timer);
      ended.abort();
      source.close();
    }
  }

  // One call, made again while the network or the service refuses it in passing: with a full-jitter exponential back-off, never before what
  // Retry-After says. Making it again is safe.
  async #call(method, path, init, deadline, signal) {
    for (let attempt = 0; ; ++attempt) {
      signal?.throwIfAborted();
      let answer = null;
      let lost = null;
      try {
        answer = await this.#once(method, path, init, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        lost = error;
      }
      if (answer && !REFUSED_IN_PASSING.has(answer.status)) return answer;
      const ceiling = Math.min(this.backoffMaxMs, this.backoffMinMs * 2 ** Math.min(attempt, 20));
      const pause = Math.max(answer?.retryAfterMs ?? 0, this.random() * ceiling);
      if (this.now() + pause > deadline) {
        throw answer ? failure(answer) : new OpenrunError(`the service can't be reached: ${lost.message}`, 0);
      }
      await this.sleep(pause, signal);
    }
  }

  async #once(method, path, { headers, body }, signal) {
    // A connection that says nothing is given up some time after the longest answer that was asked for.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("no answer in time")), (this.waitSeconds + 15) * 1_000);
    const stop = () => patience.abort(signal.reason);
    signal?.addEventListener("abort", stop, { once: true });
    let response;
    let text;
    try {
      const own = typeof this.headers === "function" ? await this.headers() : this.headers;
      response = await this.fetch(this.baseUrl + path, {
        method,
        headers: { Accept: "application/json", ...own, ...headers },
        body,
        signal: patience.signal,
        cache: "no-store",
      });
      text = await response.text();
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
    let json = null;
    try {
      json = text ? JSON.parse(text) : null;
    } catch {
      // A proxy's page, not ours: the status alone counts.
    }
    const retryAfter = Number(response.headers.get("Retry-After"));
    return { status: response.status, json, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1_000 : 0 };
  }
}

function failure(answer) {
  return new OpenrunError(answer.json?.detail ?? answer.json?.title ?? `status ${answer.status}`, answer.status, answer.json);
}

function tell(onUpdate, request) {
  onUpdate?.({ position: request.position, etaMs: request.eta_ms, receipt: request.receipt });
}

// Storage that may be forbidden (private windows) or absent (Node): then the receipt lives as long as the page.
function defaultStorage() {
  try {
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch {
    // Reading it can throw.
  }
  const kept = new Map();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, String(value)),
    removeItem: (name) => void kept.delete(name),
  };
}

function defaultSleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped() {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal?.addEventListener("abort", stopped, { once: true });
  });
}
