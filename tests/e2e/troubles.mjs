// What happens to users: networks that go, devices with a wrong clock, hostile names, a gateway that ends.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { signedOut } from "./looks.mjs";
import { campaign, heldBack, inSeconds, issuedTo } from "./things.mjs";

const run = promisify(execFile);
const OFFLINE = [/ERR_INTERNET_DISCONNECTED/, /ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/, /status of 503/];

export const troubles = {
  async offlineAndBack({ open, admin, url }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`, { expects: OFFLINE });
    await heldBack(admin, id, url, 60, async () => {
      await visit.press();
      await visit.screen("waiting");
      const before = Number(await visit.text("position"));
      await visit.context.setOffline(true);
      await visit.says("connection", /Your place is kept/);
      await visit.screen("waiting");
      assert.ok(Number(await visit.text("position")) <= before);
      await visit.context.setOffline(false);
      await visit.page.locator("#connection").waitFor({ state: "hidden" });
    });
    await visit.screen("issued");
    assert.equal((await issuedTo(admin, id)).filter((coupon) => coupon.user_id.startsWith("page-")).length, 1);
    await visit.collect();
    return {};
  },

  // Pressed without a network: the request is made when it is back.
  async pressedOffline({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10 });
    const visit = await open(`/c/${id}`, { expects: OFFLINE });
    await visit.context.setOffline(true);
    await visit.press();
    await visit.says("ask-text", /Sending/);
    await visit.says("connection", /Connection lost/);
    await visit.context.setOffline(false);
    await visit.screen("issued");
    await visit.collect();
    return {};
  },

  async couponWithoutNetwork({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10 });
    const visit = await open(`/c/${id}`, { expects: OFFLINE });
    await visit.press();
    await visit.screen("issued");
    const code = await visit.text("code");
    await visit.page.route("**/v1/**", (route) => route.abort());
    visit.expectedFaults.push(/ERR_FAILED/);
    await visit.page.reload();
    await visit.says("code", new RegExp(code));
    return {};
  },

  async gatewayEndsAndComesBack({ open, admin, url, facts }) {
    const { id } = await campaign(admin, { stock: 1_000 });
    const visit = await open(`/c/${id}`, { expects: OFFLINE });
    await heldBack(admin, id, url, 60, async () => {
      await visit.press();
      await visit.screen("waiting");
      await run(facts.dev, ["kill", "gateway-1"], { env: { ...process.env, OPENRUN_STATE: facts.state } });
      await visit.page.locator("#connection:visible").waitFor();
      await run(facts.dev, ["start", "gateway-1"], { env: { ...process.env, OPENRUN_STATE: facts.state } });
      await visit.page.locator("#connection").waitFor({ state: "hidden" });
      await visit.screen("waiting");
    });
    await visit.screen("issued");
    await visit.collect();
    return {};
  },

  // The device's clock is two hours wrong, either way.
  async wrongClock({ open, admin }) {
    const { id } = await campaign(admin, { starts_at: inSeconds(125) });
    const shown = [];
    for (const hours of [-2, 2]) {
      const before = (visit) =>
        visit.page.addInitScript((wrong) => {
          const right = Date.now;
          Date.now = () => right() + wrong;
        }, hours * 3_600_000);
      const visit = await open(`/c/${id}`, { before });
      const [h, m] = [await visit.text("hours"), await visit.text("minutes")];
      assert.equal(h, "00");
      assert.ok(["01", "02"].includes(m), `${h}:${m}`);
      shown.push(`${h}:${m}`);
    }
    return { shown };
  },

  // The log says "not started" to who pressed a moment too early by its clock: asked again, and not bothered with it.
  async aMomentTooEarly({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10 });
    const visit = await open(`/c/${id}`, { expects: [/409/] });
    let refusals = 0;
    await visit.page.route("**/requests", (route) => {
      if (refusals++ > 0) return route.fallback();
      return route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ status: 409, code: "NOT_STARTED" }) });
    });
    await visit.press();
    await visit.screen("issued");
    assert.equal(refusals, 2);
    return {};
  },

  async hostileName({ open, admin }) {
    const name = `<img src=x onerror="document.title='owned'"><script>alert(1)</script>&amp;"'`;
    const { id } = await campaign(admin, { name, description: `</p><script>alert(2)</script>\n<b>bold</b>`, policy: { discount: { type: "amount", value: 5, currency: "KRW" } } });
    const visit = await open(`/c/${id}`);
    assert.equal(await visit.text("name"), name);
    assert.equal(await visit.page.locator("#name *, #description *").count(), 0);
    await visit.press();
    await visit.screen("issued");
    const list = await open("/");
    const shown = list.page.locator("#list-open b").filter({ hasText: name });
    while ((await shown.count()) === 0) {
      const before = await list.page.locator("#list li").count();
      await list.page.locator("#more").click();
      await list.page.waitForFunction((count) => document.querySelectorAll("#list li").length > count, before);
    }
    assert.equal(await list.page.locator("#list img, #list script").count(), 0);
    await visit.collect();
    await list.collect();
    return {};
  },

  // A token behind the address is taken out of it, sent with each request, and forgotten when it counts no more.
  async token({ open, admin }) {
    const { id } = await campaign(admin, { stock: 10 });
    const token = `x.${Buffer.from(JSON.stringify({ sub: "kim" })).toString("base64url")}.y`;
    const sent = [];
    const before = async (visit) => {
      await signedOut(visit);
      await visit.page.route("**/requests", async (route) => {
        sent.push(await route.request().headerValue("authorization"));
        await route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify({ status: 401, code: "UNAUTHENTICATED" }) });
      });
    };
    const visit = await open(`/c/${id}#token=${token}`, { before, expects: [/401/] });
    assert.equal(new URL(visit.page.url()).hash, "");
    await visit.press();
    await visit.says("hint", /Please sign in/);
    assert.deepEqual(sent, [`Bearer ${token}`]);
    assert.equal(await visit.page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }).includes("x.")), false);
    return {};
  },
};
