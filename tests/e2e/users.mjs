// What users do: wait, press, press again, reload, look away, use the keyboard, copy the code.
import assert from "node:assert/strict";
import { campaign, heldBack, inSeconds, issuedTo } from "./things.mjs";

// Positions as they were shown, in order.
function recordPositions(visit) {
  return visit.page.evaluate(() => {
    globalThis.positions = [];
    const node = document.getElementById("position");
    const record = () => node.textContent && globalThis.positions.push(Number(node.textContent.replaceAll(",", "")));
    new MutationObserver(record).observe(node, { childList: true, characterData: true, subtree: true });
  });
}

// In the page: presses when the button can be pressed, and tells what came of it. By events alone: fifty pages that are asked all the time
// would be a load of their own.
function waitAndPress(times) {
  const until = (isSo) =>
    new Promise((resolve) => {
      const look = () => {
        if (!isSo()) return;
        observer.disconnect();
        resolve();
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { attributes: true, childList: true, subtree: true });
      look();
    });
  const at = (id) => document.getElementById(id);
  const isShown = (name) => [...document.querySelectorAll(`[data-screen~=${name}]`)].some((section) => !section.hidden);
  return until(() => at("ask").getAttribute("aria-disabled") === "false" && isShown("open"))
    .then(() => {
      for (let i = 0; i < times; ++i) at("ask").click();
      return until(() => isShown("issued") || isShown("notice"));
    })
    .then(() => ({
      user: localStorage.getItem("openrun:user"),
      code: isShown("issued") ? at("code").textContent : null,
      says: isShown("issued") ? at("chip").textContent : at("notice-title").textContent,
    }));
}

export function assertNeverGrows(numbers) {
  numbers.forEach((number, i) => assert.ok(i === 0 || number <= numbers[i - 1], `moved back: ${numbers}`));
}

export const users = {
  // Everybody waits for the opening, which is set once all are there, and presses at once, while a load does the same. The verdict is the caller's.
  async openRun({ open, admin, facts }) {
    const { id, count } = facts;
    const visits = [];
    while (visits.length < count) {
      const few = Array.from({ length: 5 }, (_, i) => open(`/c/${id}`, { expects: [/409/], context: { locale: i % 2 ? "ko-KR" : "en-US" } }));
      visits.push(...(await Promise.all(few)));
    }
    // Pages look again within ten seconds.
    await admin("PATCH", `/v1/campaigns/${id}`, { starts_at: inSeconds(14) });
    const outcomes = await Promise.all(visits.map((visit, i) => visit.page.evaluate(waitAndPress, i % 3 === 0 ? 2 : 1)));
    for (const visit of visits) await visit.collect();
    return { outcomes };
  },

  async pressTwice({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10 });
    const visit = await open(`/c/${id}`);
    let posts = 0;
    visit.page.on("request", (request) => (posts += request.method() === "POST" ? 1 : 0));
    await visit.page.locator("#ask[aria-disabled=false]").waitFor();
    await visit.page.evaluate(() => {
      for (let i = 0; i < 20; ++i) document.getElementById("ask").click();
    });
    await visit.screen("issued");
    assert.equal((await issuedTo(admin, id)).length, 1);
    assert.equal(posts, 1);
    await visit.collect();
    return { posts };
  },

  async reloadWhileWaiting({ open, admin, url }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`);
    const shown = [];
    await heldBack(admin, id, url, 60, async () => {
      await visit.press();
      for (let i = 0; i < 3; ++i) {
        await visit.screen("waiting");
        shown.push(Number(await visit.text("position")));
        await visit.collect();
        await visit.page.reload();
      }
      await visit.screen("waiting");
    });
    await visit.screen("issued");
    const code = await visit.text("code");
    await visit.page.reload();
    await visit.says("code", new RegExp(code));
    assertNeverGrows(shown);
    const coupons = await issuedTo(admin, id);
    assert.equal(coupons.filter((coupon) => coupon.user_id.startsWith("page-")).length, 1);
    assert.equal(coupons.find((coupon) => coupon.user_id.startsWith("page-")).code, code);
    return { shown };
  },

  // The queue as it moves: shown at each step, and never back.
  async positionMovesForward({ open, admin, url }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`);
    await recordPositions(visit);
    await heldBack(admin, id, url, 60, async () => {
      await visit.press();
      await visit.screen("waiting");
      await admin("PUT", "/v1/dispatch", { per_second: 10 });
      await visit.screen("issued");
    });
    const positions = await visit.page.evaluate(() => globalThis.positions);
    assertNeverGrows(positions);
    assert.ok(new Set(positions).size >= 3, `seen only ${positions}`);
    await visit.collect();
    return { positions };
  },

  async tabHiddenAndShown({ open, admin, url }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`);
    const session = await visit.context.newCDPSession(visit.page);
    await heldBack(admin, id, url, 60, async () => {
      await visit.press();
      await visit.screen("waiting");
      // What a phone does to a page in the background: no timer, no event.
      await session.send("Page.setWebLifecycleState", { state: "frozen" });
    });
    const mine = async () => (await issuedTo(admin, id)).find((coupon) => coupon.user_id.startsWith("page-"));
    const deadline = Date.now() + 60_000;
    while (!(await mine())) assert.ok(Date.now() < deadline, "not decided while the page slept");
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await visit.screen("issued");
    assert.equal(await visit.text("code"), (await mine()).code);
    assert.match(await visit.page.title(), /It’s yours/);
    await visit.collect();
    return {};
  },

  // Another tab of the same user shows the same request, not a second one.
  async twoTabs({ open, admin, url }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`);
    const other = await visit.context.newPage();
    await other.goto(`${url}/c/${id}`);
    await other.locator("[data-screen~=open]:visible").waitFor();
    await visit.press();
    await visit.screen("issued");
    await other.locator("[data-screen~=issued]:visible").waitFor();
    assert.equal(await other.locator("#code").textContent(), await visit.text("code"));
    assert.equal((await issuedTo(admin, id)).length, 1);
    return {};
  },

  async keyboardOnly({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10, starts_at: inSeconds(3) });
    const visit = await open(`/c/${id}`);
    const focused = () => visit.page.evaluate(() => document.activeElement.id || document.activeElement.className);
    const order = [];
    for (let i = 0; i < 4; ++i) {
      await visit.page.keyboard.press("Tab");
      order.push(await focused());
    }
    assert.deepEqual(order, ["skip", "brand", "language", "ask"]);
    // Who stands on the button before the opening stays there.
    await visit.screen("open");
    assert.equal(await focused(), "ask");
    await visit.page.keyboard.press("Enter");
    await visit.screen("issued");
    assert.equal(await focused(), "coupon-title");
    await visit.page.keyboard.press("Tab");
    assert.equal(await focused(), "copy");
    await visit.says("announcer", /You’ve got a coupon/);
    await visit.collect();
    return { order };
  },

  async copyAndScan({ open, admin, require }) {
    const codes = [];
    for (const format of ["hangul", "latin"]) {
      const { id } = await campaign(admin, { stock: 10, policy: { code_format: format } });
      const visit = await open(`/c/${id}`, { context: { permissions: ["clipboard-read", "clipboard-write"], deviceScaleFactor: 2 } });
      await visit.press();
      await visit.screen("issued");
      const code = await visit.text("code");
      await visit.page.locator("#copy").click();
      await visit.says("copy", /Copied/);
      assert.equal(await visit.page.evaluate(() => navigator.clipboard.readText()), code);
      assert.equal(await scan(visit, require), code);
      codes.push(code);
    }
    return { codes };
  },

  // A campaign that gives several: each is asked for by itself, and all are kept.
  async several({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10, policy: { max_per_user: 2, code_format: "latin" } });
    const visit = await open(`/c/${id}`);
    await visit.press();
    await visit.screen("issued");
    const first = await visit.text("code");
    await visit.says("ask-text", /Get one more/);
    await visit.press();
    await visit.says("earlier-list", new RegExp(first));
    assert.notEqual(await visit.text("code"), first);
    assert.equal(await visit.page.locator("#ask:visible").count(), 0);
    await visit.page.reload();
    await visit.says("earlier-list", new RegExp(first));
    assert.equal((await issuedTo(admin, id)).length, 2);
    await visit.collect();
    return {};
  },

  // The page changes by itself when the operator does something.
  async operatorChangesThings({ open, admin }) {
    const { id } = await campaign(admin, { stock: 1 });
    const visit = await open(`/c/${id}`, { expects: [/409/] });
    const change = (call, body) => admin("POST", `/v1/campaigns/${id}/${call}`, body);
    await change("pause");
    await visit.says("notice-title", /Paused/);
    await change("resume");
    await visit.screen("open");
    await change("stock", { add: -1 });
    await visit.says("notice-title", /Sold out/);
    await change("stock", { add: 5 });
    await visit.screen("open");
    await visit.press();
    await visit.screen("issued");
    await change("close");
    await visit.screen("issued");
    await visit.collect();
    return {};
  },
};

// The picture of the code on the screen, read by a decoder that knows nothing of ours.
async function scan(visit, require) {
  const jsqr = require("jsqr");
  const png = (await visit.page.locator("#qr").screenshot()).toString("base64");
  const reader = await visit.context.newPage();
  const { data, width, height } = await reader.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const pixels = canvas.getImageData(0, 0, image.width, image.height);
    return { data: Array.from(pixels.data), width: image.width, height: image.height };
  }, png);
  await reader.close();
  return jsqr(Uint8ClampedArray.from(data), width, height)?.data;
}
