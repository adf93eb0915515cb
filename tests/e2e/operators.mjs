// What an operator does with /admin.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { campaign } from "./things.mjs";

const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1280, height: 900 } },
};

// The board of somebody who has signed in. Refused calls are a part of some scenarios; the browser tells each as an error.
async function signedIn({ open, token }, { context, expects } = {}) {
  const visit = await open("/admin", { ready: "#sign-in:not([hidden])", context: { ...DEVICES.desktop, ...context }, expects });
  await visit.page.fill("#token", token);
  await visit.page.click("#sign-in button");
  await visit.page.waitForSelector("#board:not([hidden])");
  await visit.page.waitForSelector("#parts li");
  return visit;
}

const tile = (page, name) => page.locator(`#tiles div:has(dt:text-is("${name}")) dd`);

async function openCampaign(page, id) {
  await page.fill("#find-id", String(id));
  await page.click("#find button");
  await page.click(`#campaigns [data-campaign="${id}"]`);
  await page.waitForSelector("#campaign[open]");
}

export const operators = {
  async adminSignsIn({ open, token }) {
    const visit = await open("/admin", { ready: "#sign-in:not([hidden])", context: DEVICES.desktop, expects: [/status of 401/] });
    const { page } = visit;
    await page.fill("#token", "not-the-token");
    await page.click("#sign-in button");
    await visit.says("sign-in-fault", /not one of the gateway's admin tokens/);
    assert.equal(await page.isVisible("#board"), false);
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#parts li");
    const kept = await page.evaluate(() => [Object.values(localStorage), Object.values(sessionStorage), location.href]);
    assert.deepEqual(kept[0], []);
    assert.deepEqual(kept[1], [token]);
    assert.ok(!kept[2].includes(token));
    await page.reload();
    await page.waitForSelector("#parts li");
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in:not([hidden])");
    assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), []);
    return {};
  },

  async adminCreatesRestocksAndCloses(play) {
    const visit = await signedIn(play, { expects: [/status of 4(00|09)/] });
    const { page } = visit;
    await page.click("#new-campaign");
    await page.fill("#f-stock", "many");
    await page.click("#create button[type=submit]");
    await page.waitForSelector("#f-stock[aria-invalid=true]");
    assert.match(await page.textContent("[data-fault=stock]"), /integer/);
    assert.notEqual(await page.textContent("[data-fault=starts_at]"), "");
    await visit.look("admin-create-with-errors");
    await page.fill("#f-name", "<b>Winter</b>");
    await page.fill("#f-stock", "3");
    await page.fill("#f-starts", "2026-01-01T09:00:00");
    await page.click("#create button[type=submit]");
    await page.waitForSelector("#campaign[open]");
    await visit.says("campaign-title", /<b>Winter<\/b>/);
    const id = Number((await page.textContent("#campaign-title")).match(/Campaign (\d+)/)[1]);
    await page.fill("#restock-add", "4");
    await page.click("#restock button");
    await visit.says("campaign-facts", /0 of 7, 7 left/);
    await page.fill("#restock-add", "-8");
    await page.click("#restock button");
    await page.waitForFunction(() => document.getElementById("campaign-fault").textContent !== "");
    await page.click("#pause");
    await visit.says("campaign-facts", /paused/);
    await page.click("#resume");
    await visit.says("campaign-facts", /open/);
    const user = await fetch(`${play.url}/v1/campaigns/${id}/requests`, { method: "POST", headers: { "Content-Type": "application/json", Prefer: "wait=30" }, body: '{"user_id":"kim"}' });
    assert.equal(user.status, 201);
    await visit.says("campaign-facts", /1 of 7/);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    assert.equal(download.suggestedFilename(), `coupons-${id}.csv`);
    assert.match(readFileSync(await download.path(), "utf8"), /kim/);
    await page.click("#close-campaign");
    await page.click("#sure-no");
    assert.equal((await play.admin("GET", `/v1/campaigns/${id}`)).state, "open");
    await page.click("#close-campaign");
    await page.click("#sure-yes");
    await visit.says("campaign-facts", /closed/);
    await visit.look("admin-campaign-closed");
    assert.equal((await play.admin("GET", `/v1/campaigns/${id}`)).state, "closed");
    return { id };
  },

  // Until the load is seen on the page; test_admin.py runs it.
  async adminWatchesALoad(play) {
    const visit = await signedIn(play);
    const { page } = visit;
    await page.waitForFunction(() => [...document.querySelectorAll("#tiles div")].some((one) => one.textContent.startsWith("Issued a second") && Number(one.querySelector("dd").textContent.replaceAll(",", "")) > 0), undefined, { timeout: 120_000 });
    await page.waitForFunction(() => /median \d/.test(document.getElementById("legend-decided").textContent));
    await page.waitForFunction(() => /issued [1-9]/.test(document.getElementById("plot-rate").getAttribute("aria-label")), undefined, { timeout: 120_000 });
    const issued = await tile(page, "Issued a second").textContent();
    await visit.look("admin-load-desktop-light");
    // A page that is opened late shows what was before.
    const late = await signedIn(play);
    await late.page.waitForFunction(() => /issued \d/.test(document.getElementById("plot-rate").getAttribute("aria-label") ?? ""));
    return { issued };
  },

  async adminReplaysADeadLetter(play) {
    const visit = await signedIn(play);
    const { page } = visit;
    const { place, receipt } = play.facts;
    await page.click(`#letters [data-letter="${place}"]`);
    await page.waitForSelector("#letter[open]");
    assert.match(await page.textContent("#letter-facts"), /poison-/);
    await visit.look("admin-dead-letter");
    await page.click("#replay");
    await visit.says("letter-done", /1 of 1 done/);
    await visit.says("letter-facts", /replayed/);
    // The page reads Postgres; gateways hear of it a moment later.
    const status = async () => (await (await fetch(`${play.url}/v1/requests/${receipt}`)).json()).status;
    const deadline = Date.now() + 30_000;
    while ((await status()) !== "issued") assert.ok(Date.now() < deadline, "the receipt does not show the replay");
    return { status: "issued" };
  },

  // The one named and the reconciler's are clean.
  async adminSeesACleanAudit(play) {
    const visit = await signedIn(play);
    const { by } = play.facts;
    for (const name of [by, "Reconciler, all the time"]) {
      await visit.page.locator("#audits > li.is-clean", { has: visit.page.locator(`b:text-is("${name}")`) }).waitFor({ timeout: 60_000 });
    }
    await visit.look(`admin-audit-clean${by.includes("deep") ? "-deep" : ""}`);
    return { audits: await visit.page.locator("#audits > li").allTextContents() };
  },

  // Only the form that decides the log again sees it.
  async adminSeesAForgery(play) {
    const visit = await signedIn(play);
    const { page } = visit;
    const deep = page.locator("#audits > li.is-wrong", { has: page.locator('b:text-is("openrun audit --deep")') });
    await deep.waitFor();
    assert.match(await deep.textContent(), /WRONG: \d+ found.* by kim, .*coupon_user_as_decided: /);
    await page.locator("#audits > li.is-clean", { has: page.locator('b:text-is("openrun audit")') }).waitFor();
    await visit.look("admin-audit-forgery");
    return { audits: await page.locator("#audits > li").allTextContents() };
  },

  async adminSeesTheReconcilersDrift(play) {
    const { page } = await signedIn(play);
    const reconciler = page.locator("#audits > li.is-wrong", { has: page.locator('b:text-is("Reconciler, all the time")') });
    await reconciler.waitFor({ timeout: 60_000 });
    assert.match(await reconciler.textContent(), new RegExp(`issued_is_coupons: campaign ${play.facts.campaign}: issued 2, coupons 3`));
    return { reconciler: await reconciler.textContent() };
  },

  async adminLooks(play) {
    const { device, scheme } = play.facts;
    const visit = await signedIn(play, { context: { ...DEVICES[device], colorScheme: scheme } });
    await visit.page.waitForSelector("#partitions tr");
    await visit.page.waitForSelector("#campaigns tr");
    await visit.look(`admin-${device}-${scheme}`);
    const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the ${device}`);
    return {};
  },

  async adminAmongTenThousand(play) {
    const visit = await signedIn(play);
    const { page } = visit;
    const { last } = play.facts;
    await page.waitForSelector("#campaigns tr");
    assert.equal(await page.locator("#campaigns tr").count(), 50);
    await page.click("#campaigns-next");
    await page.waitForFunction(() => !document.getElementById("campaigns-first").disabled);
    assert.equal(await page.locator("#campaigns tr").count(), 50);
    await openCampaign(page, last);
    await visit.says("campaign-title", new RegExp(`Campaign ${last}`));
    await visit.look("admin-ten-thousand");
    return {};
  },

  async adminByKeyboard(play) {
    const made = await campaign(play.admin, { name: "By keyboard", stock: 1 });
    const visit = await signedIn(play);
    const { page } = visit;
    await page.focus("#find-id");
    await page.keyboard.type(String(made.id));
    await page.keyboard.press("Enter");
    await page.waitForSelector(`#campaigns [data-campaign="${made.id}"]`);
    await page.focus(`#campaigns [data-campaign="${made.id}"]`);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#campaign[open]");
    await page.focus("#close-campaign");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#sure[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#sure", { state: "hidden" });
    await page.keyboard.press("Escape");
    await page.waitForSelector("#campaign", { state: "hidden" });
    assert.equal((await play.admin("GET", `/v1/campaigns/${made.id}`)).state, "open");
    return {};
  },
};
