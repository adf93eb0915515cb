// node --test: the client against a service that answers from a script, on a clock of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenrunClient, OpenrunError } from "./openrun-client.js";

// Answers one call after the other; "lost" breaks the connection. Time passes only in sleep().
function service(...answers) {
  const calls = [];
  const slept = [];
  let clock = 0;
  const storage = new Map();
  const client = new OpenrunClient({
    waitSeconds: 5,
    giveUpAfterMs: 60_000,
    random: () => 0.5,
    now: () => clock,
    sleep: async (ms) => {
      slept.push(ms);
      clock += ms;
    },
    storage: {
      getItem: (name) => storage.get(name) ?? null,
      setItem: (name, value) => void storage.set(name, value),
      removeItem: (name) => void storage.delete(name),
    },
    fetch: async (url, init) => {
      calls.push({ url, method: init.method, headers: init.headers, body: init.body });
      const answer = answers.shift();
      if (answer === undefined) throw new Error("nobody expected this call");
      if (answer === "lost") throw new TypeError("the connection was lost");
      const [status, body, headers] = answer;
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
    },
  });
  return { client, calls, slept, storage };
}

const coupon = { code: "가나다", sequence: 1, issued_at: "2026-11-21T09:00:00.000Z" };
const waiting = (position, poll = 700) => ({ receipt: "R1", campaign_id: 7, status: "waiting", position, eta_ms: null, poll_after_ms: poll });
const issued = { receipt: "R1", campaign_id: 7, status: "issued", coupon };
const problem = (status, code, more = {}) => [status, { type: "about:blank", title: code, status, code, ...more }];

test("submits, waits as advised, polls until it is issued", async () => {
  const { client, calls, slept, storage } = service([202, waiting(9)], [200, waiting(4, 300)], [200, issued]);
  const seen = [];
  const outcome = await client.request(7, "ann", { onUpdate: ({ position }) => seen.push(position) });
  assert.deepEqual(outcome, { status: "issued", coupon });
  assert.deepEqual(seen, [9, 4]);
  assert.deepEqual(slept, [700, 300]);
  assert.equal(calls[0].body, '{"user_id":"ann"}');
  assert.equal(calls[1].headers.Prefer, "wait=5");
  assert.equal(storage.get("openrun:7:ann"), "R1");
});

test("a page that is loaded again goes on with its receipt and asks for nothing new", async () => {
  const { client, calls, storage } = service([200, issued]);
  storage.set("openrun:7:ann", "R1");
  assert.deepEqual(await client.request(7, "ann"), { status: "issued", coupon });
  assert.deepEqual(calls.map((call) => call.method), ["GET"]);
});

test("resume asks for nothing where nothing was asked for", async () => {
  const { client } = service();
  assert.equal(await client.resume(7, "ann"), null);
});

test("a receipt that is gone is forgotten, and the request made anew", async () => {
  const { client, calls } = service(problem(410, "GONE"), [201, issued]);
  client.storage.setItem("openrun:7:ann", "R0");
  assert.equal((await client.request(7, "ann")).status, "issued");
  assert.deepEqual(calls.map((call) => call.method), ["GET", "POST"]);
  assert.equal(client.receipt(7, "ann"), "R1");
});

test("lost connections and refusals in passing are tried again, later and later", async () => {
  const { client, slept } = service("lost", "lost", "lost", [503, "<html>", {}], [201, issued]);
  assert.equal((await client.request(7, "ann")).status, "issued");
  assert.deepEqual(slept, [125, 250, 500, 1000]);
});

test("Retry-After is kept", async () => {
  const { client, slept } = service([429, {}, { "Retry-After": "3" }], [201, issued]);
  await client.request(7, "ann");
  assert.deepEqual(slept, [3000]);
});

test("it gives up in the end, and says why", async () => {
  const { client } = service(...Array(100).fill("lost"));
  await assert.rejects(client.request(7, "ann"), (error) => error instanceof OpenrunError && /can't be reached/.test(error.message));
});

test("a refusal is an outcome, with the coupon that the user holds", async () => {
  const { client } = service(problem(409, "ALREADY_ISSUED", { coupon }));
  assert.deepEqual(await client.request(7, "ann"), { status: "rejected", reason: "ALREADY_ISSUED", coupon });
});

test("sold out while it waited is an outcome too", async () => {
  const { client } = service([202, waiting(3)], [200, { receipt: "R1", campaign_id: 7, status: "rejected", reason: "SOLD_OUT" }]);
  assert.deepEqual(await client.request(7, "ann"), { status: "rejected", reason: "SOLD_OUT" });
});

test("a position that is shown never moves back", async () => {
  const { client } = service([202, waiting(5)], [200, waiting(8)], [200, waiting(2)], [200, issued]);
  const seen = [];
  await client.request(7, "ann", { onUpdate: ({ position }) => seen.push(position) });
  assert.deepEqual(seen, [5, 5, 2]);
});

test("a mistake of the caller's is told at once", async () => {
  const { client, calls } = service(problem(400, "INVALID_REQUEST", { detail: "The user id is not valid." }));
  await assert.rejects(client.request(7, ""), (error) => error.code === "INVALID_REQUEST" && error.status === 400);
  assert.equal(calls.length, 1);
});

test("each coupon of several has a key and a receipt of its own", async () => {
  const { client, calls, storage } = service([201, issued], [201, { ...issued, receipt: "R2" }]);
  await client.request(7, "ann", { key: "first" });
  await client.request(7, "ann", { key: "second" });
  assert.deepEqual(calls.map((call) => call.headers["Idempotency-Key"]), ["first", "second"]);
  assert.deepEqual([...storage.values()], ["R1", "R2"]);
});

test("headers may be a function, asked each time", async () => {
  const { client, calls } = service([202, waiting(1)], [200, issued]);
  let token = 0;
  client.headers = () => ({ Authorization: `Bearer ${++token}` });
  await client.request(7, null);
  assert.deepEqual(calls.map((call) => call.headers.Authorization), ["Bearer 1", "Bearer 2"]);
  assert.equal(calls[0].body, "{}");
});

test("who asked can stop waiting", async () => {
  const { client } = service([202, waiting(1)]);
  const controller = new AbortController();
  client.sleep = async () => controller.abort();
  await assert.rejects(client.request(7, "ann", { signal: controller.signal }), { name: "AbortError" });
  assert.equal(client.receipt(7, "ann"), "R1");
});

// A stream that says what stands in its script, one event a turn; "refused" never opens, "lost" breaks off.
function streams(client, ...scripts) {
  const opened = [];
  client.events = true;
  client.EventSource = class extends EventTarget {
    constructor(url) {
      super();
      opened.push({ url, isClosed: () => this.closed });
      this.#run(scripts.shift() ?? ["refused"]);
    }
    async #run(script) {
      for (const [type, data] of script.map((event) => (typeof event === "string" ? [event] : event))) {
        await new Promise(setImmediate);
        if (type === "refused" || type === "lost") this.dispatchEvent(new Event("error"));
        else this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data) }));
      }
    }
    close() {
      this.closed = true;
    }
  };
  return opened;
}

test("events tell each step of the queue, and the outcome ends the stream", async () => {
  const { client, calls, storage } = service([202, waiting(9)], [200, waiting(9)]);
  const opened = streams(client, ["open", ["position", waiting(5)], ["position", waiting(7)], ["position", waiting(1)], ["outcome", issued]]);
  const seen = [];
  assert.deepEqual(await client.request(7, "ann", { onUpdate: ({ position }) => seen.push(position) }), { status: "issued", coupon });
  assert.deepEqual(seen, [9, 9, 5, 5, 1]);
  assert.deepEqual(opened.map(({ url, isClosed }) => [url, isClosed()]), [["/v1/requests/R1/events", true]]);
  assert.equal(calls[1].headers.Prefer, undefined);
  assert.equal(storage.get("openrun:7:ann"), "R1");
});

test("where there is no room for streams, held calls do it", async () => {
  const { client, calls } = service([202, waiting(9)], [200, waiting(8)], [200, issued]);
  const opened = streams(client, ["refused"], ["refused"]);
  assert.equal((await client.request(7, "ann")).status, "issued");
  assert.equal(opened.length, 1);
  assert.deepEqual(calls.map((call) => call.headers.Prefer), [undefined, undefined, "wait=5"]);
});

test("a stream that breaks off is opened again after a call", async () => {
  const { client, calls } = service([202, waiting(9)], [200, waiting(9)], "lost", [200, waiting(6)]);
  const opened = streams(client, ["open", "lost"], ["open", ["outcome", issued]]);
  assert.equal((await client.request(7, "ann")).status, "issued");
  assert.deepEqual([opened.length, calls.length], [2, 4]);
});

test("who asked can stop listening", async () => {
  const { client } = service([202, waiting(1)], [200, waiting(1)]);
  const controller = new AbortController();
  const opened = streams(client, ["open", ["position", waiting(0)]]);
  const onUpdate = ({ position }) => position === 0 && controller.abort();
  await assert.rejects(client.request(7, "ann", { signal: controller.signal, onUpdate }), { name: "AbortError" });
  assert.ok(opened[0].isClosed());
});
