// One Chromium for all scenarios, driven by lines of JSON: {"play": NAME, ...facts} answers {"facts": ...} or {"error": ...}.
// What every scenario must hold on every page stands in Visit: no violation of the policy, no error, nothing loaded from elsewhere, and nothing
// that jumps.
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { scenarios } from "./scenarios.mjs";
import { Visit } from "./visit.mjs";

const require = createRequire(`${process.env.OPENRUN_E2E_PACKAGES}/`);
const { chromium } = require("playwright-core");

const SCENARIO_MS_MAX = 300_000;
const [url, token, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
// Chromium's own sandbox needs a user who is not root; what it opens here is ours.
const browser = await chromium.launch({ executablePath: process.env.OPENRUN_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

async function admin(method, path, body) {
  const headers = { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const response = await fetch(url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const json = await response.json();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status} ${JSON.stringify(json)}`);
  return json;
}

// A scenario that hangs fails; its pages are closed, and the next one can be played.
function inTime(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${SCENARIO_MS_MAX} ms`)), SCENARIO_MS_MAX);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function play({ play: name, ...facts }) {
  const visits = [];
  const open = async (path, options) => {
    const visit = new Visit(await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en-US", ...options?.context }), url, screenshots);
    visits.push(visit);
    await visit.open(path, options);
    return visit;
  };
  try {
    const result = await inTime(scenarios[name]({ open, admin, token, url, require, facts }));
    for (const visit of visits) visit.verify();
    return { facts: { ...result, layoutShift: Math.max(0, ...(await Promise.all(visits.map((visit) => visit.layoutShift())))) } };
  } catch (error) {
    const shown = await Promise.all(visits.map((visit) => visit.told().catch((lost) => `nothing: ${lost.message}`)));
    error.stack += shown.map((text, i) => `\npage ${i + 1} showed ${text}`).join("");
    throw error;
  } finally {
    await Promise.all(visits.map((visit) => visit.context.close()));
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await play(JSON.parse(line))));
  } catch (error) {
    console.log(JSON.stringify({ error: error.stack }));
  }
}
await browser.close();
process.exit();
