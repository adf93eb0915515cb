// One user's browser (a context of its own) on the page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.OPENRUN_E2E_PACKAGES}/`);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const LAYOUT_SHIFT_MAX = 0.02;

export class Visit {
  constructor(context, url, screenshots) {
    Object.assign(this, { context, url, screenshots });
    this.faults = [];
    this.expectedFaults = [];
    this.bytes = new Map(); // by path
  }

  // expects: patterns of faults that belong to the scenario, as of a network that is taken away.
  async open(path, { expects = [], before, ready = "#campaign:not([hidden]), #list:not([hidden])" } = {}) {
    this.expectedFaults = expects;
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.faults.push(`error: ${error.stack}`));
    this.page.on("console", (message) => message.type() === "error" && this.faults.push(`console: ${message.text()} ${message.location().url}`));
    this.page.on("request", (request) => request.url().startsWith(`${this.url}/`) || this.faults.push(`elsewhere: ${request.url()}`));
    this.page.on("response", async (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith("/v1/")) return;
      this.bytes.set(pathname, (await response.body().catch(() => "")).length);
    });
    await this.page.addInitScript(watch);
    await before?.(this);
    await this.page.goto(this.url + path);
    await this.page.waitForSelector(ready);
    return this;
  }

  async layoutShift() {
    return this.page.evaluate(() => globalThis.openrunSeen?.shift ?? 0).catch(() => 0);
  }

  async collect() {
    const seen = await this.page.evaluate(() => globalThis.openrunSeen);
    this.faults.push(...seen.violations.map((violation) => `policy: ${violation}`));
    assert.ok(seen.shift <= LAYOUT_SHIFT_MAX, `the layout shifted by ${seen.shift}: ${JSON.stringify(seen.shifted)}`);
  }

  verify() {
    const unexpected = this.faults.filter((fault) => !this.expectedFaults.some((pattern) => pattern.test(fault)));
    assert.deepEqual(unexpected, []);
  }

  // The screen that is shown, by its place in the document.
  screen(name, timeout = 30_000) {
    return this.page.locator(`[data-screen~=${name}]:visible`).waitFor({ timeout });
  }
  text(id) {
    return this.page.locator(`#${id}`).textContent();
  }
  // Until the element says what is wanted.
  says(id, pattern, timeout = 30_000) {
    return this.page.waitForFunction(
      ([at, source]) => new RegExp(source).test(document.getElementById(at).textContent),
      [id, pattern.source],
      { timeout, polling: 100 },
    );
  }
  press(times = 1) {
    return this.page.locator("#ask[aria-disabled=false]").click({ clickCount: times });
  }

  // For whoever looks into a scenario that failed: what the page shows, what it keeps, and what the service says of the requests.
  async told() {
    const { text, kept } = await this.page.evaluate(() => ({ text: document.body.innerText, kept: { ...localStorage } }));
    const requests = Object.entries(kept).filter(([name]) => /^openrun:\d+:/.test(name));
    const states = await Promise.all(requests.map(async ([, receipt]) => (await fetch(`${this.url}/v1/requests/${receipt}`)).text()));
    return `${JSON.stringify(text.replaceAll(/\s+/g, " "))}, keeps ${JSON.stringify(kept)}; the service says ${states}; faults ${JSON.stringify(this.faults)}`;
  }

  // What is seen, kept for people, and without a violation of accessibility rules.
  async look(name) {
    await this.page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations === 1).map((one) => one.finished)));
    await this.page.screenshot({ path: `${this.screenshots}/${name}.png`, fullPage: true });
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const told = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
    assert.deepEqual(told, [], name);
    await this.collect();
  }
}

// In the page, before anything of it runs.
function watch() {
  const seen = { shift: 0, shifted: [], violations: [] };
  globalThis.openrunSeen = seen;
  document.addEventListener("securitypolicyviolation", (event) => seen.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  // Half a second after an input the browser takes no shift for a jump. On a slow machine the answer to what was pressed comes later than that:
  // until it is there, and for half a second more, its user expects the change.
  const RECENT_MS = 500;
  const answering = [];
  let input = -RECENT_MS;
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => (input = performance.now()), { capture: true });
  const isAnswer = (at) => answering.some(({ begun, ended }) => at >= begun && at < ended + RECENT_MS);
  const plain = globalThis.fetch;
  globalThis.fetch = async (...call) => {
    const begun = performance.now();
    if (begun - input >= RECENT_MS && !isAnswer(begun)) return plain(...call);
    const answer = { begun, ended: Infinity };
    answering.push(answer);
    try {
      return await plain(...call);
    } finally {
      answer.ended = performance.now();
    }
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput || isAnswer(entry.startTime)) continue;
      seen.shift += entry.value;
      seen.shifted.push(...entry.sources.map(({ node, previousRect: was, currentRect: is }) => [node?.id || node?.nodeName, was.y, is.y, was.height, is.height]));
    }
  }).observe({ type: "layout-shift", buffered: true });
}
