// How the page looks, in every state: seen by a person in the screenshots, by axe, and by the measure of what jumps.
import assert from "node:assert/strict";
import { campaign, heldBack, inSeconds } from "./things.mjs";

const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1280, height: 900 } },
};

const NAMES = {
  ko: { name: "가을 감사 쿠폰", description: "선착순 1,000분께 드려요. 온라인 매장에서 쓸 수 있어요." },
  en: { name: "Autumn thank-you coupon", description: "For the first 1,000 who come. Valid in the online shop." },
};

function options({ device, scheme, language }, more = {}) {
  return { ...more, context: { ...DEVICES[device], colorScheme: scheme, locale: language === "ko" ? "ko-KR" : "en-US" } };
}

// `fulfill` of the document as a gateway with auth.mode jwt serves it.
export async function signedOut(visit) {
  await visit.page.route("**/c/*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('data-auth="trusted"', 'data-auth="jwt"') });
  });
}

const answered = (json) => async (visit) => {
  await visit.page.route("**/v1/campaigns/*/requests", (route) => route.fulfill({ status: 202, json: { ...json, receipt: "R" } }));
};

export const looks = {
  async states({ open, admin, url, facts }) {
    const label = (state) => `${facts.device}-${facts.scheme}-${facts.language}-${state}`;
    const make = (more) => campaign(admin, { ...NAMES[facts.language], policy: { discount: { type: "percent", value: 30 }, valid_until: inSeconds(30 * 86_400) }, ...more });
    const seen = [];
    const look = async (state, path, screen, { act, ...more } = {}) => {
      const visit = await open(path, options(facts, more));
      await act?.(visit);
      await visit.screen(screen);
      await visit.look(label(state));
      seen.push(state);
      return visit;
    };
    const at = ({ id }) => `/c/${id}`;

    await look("countdown", at(await make({ starts_at: inSeconds(5_025) })), "scheduled");
    await look("countdown-days", at(await make({ starts_at: inSeconds(3 * 86_400) })), "scheduled");
    const here = await make();
    const visit = await look("open", at(here), "open");
    await heldBack(admin, here.id, url, 60, async () => {
      await visit.press();
      await visit.screen("waiting");
      await visit.look(label("waiting"));
    });
    await visit.screen("issued"); // those who stand before it come first
    await visit.look(label("issued"));
    await visit.page.evaluate(() => Object.keys(localStorage).filter((key) => key !== "openrun:user").forEach((key) => localStorage.removeItem(key)));
    await visit.page.reload();
    visit.expectedFaults = [/409/];
    await visit.press();
    await visit.screen("already");
    await visit.look(label("already"));

    await look("sold-out", at(await make({ stock: 0 })), "notice");
    await look("ended", at(await make({ starts_at: inSeconds(-20), ends_at: inSeconds(-1) })), "notice");
    for (const [state, call] of [["closed", "close"], ["paused", "pause"]]) {
      const { id } = await make();
      await admin("POST", `/v1/campaigns/${id}/${call}`);
      await look(state, `/c/${id}`, "notice");
    }
    await look("missing", "/c/2000000000", "notice", { expects: [/404/] });
    await look("failed", at(here), "notice", { before: answered({ status: "failed", reason: "DEAD_LETTERED" }), act: (one) => one.press() });
    await look("limit", at(here), "notice", { before: answered({ status: "rejected", reason: "LIMIT_REACHED" }), act: (one) => one.press() });
    await look("sign-in", at(here), "open", { before: signedOut });
    await look("connection-lost", at(here), "open", {
      expects: [/INTERNET_DISCONNECTED/],
      act: async (one) => {
        await one.context.setOffline(true);
        await one.page.locator("#connection:visible").waitFor();
      },
    });
    const list = await open("/", options(facts));
    await list.look(label("list"));
    const empty = await open("/", options(facts, { before: (one) => one.page.route("**/v1/campaigns?*", (route) => route.fulfill({ json: { campaigns: [], next_after: null } })) }));
    await empty.page.locator("#list-empty:visible").waitFor();
    await empty.look(label("list-empty"));
    return { seen: [...seen, "waiting", "issued", "already", "list", "list-empty"] };
  },

  // The browser says which language, a button changes it, and it stays changed.
  async languages({ open, admin }) {
    const { id } = await campaign(admin, { starts_at: inSeconds(600) });
    const korean = await open(`/c/${id}`, { context: { locale: "ko-KR" } });
    await korean.says("chip", /오픈 예정/);
    const english = await open(`/c/${id}`);
    await english.says("chip", /Opening soon/);
    await english.page.locator("#language").click();
    await english.says("chip", /오픈 예정/);
    assert.equal(await english.page.locator("html").getAttribute("lang"), "ko");
    await english.page.reload();
    await english.says("chip", /오픈 예정/);
    await english.collect();
    return { opens: await korean.text("opens-at") };
  },

  async darkMode({ open, admin }) {
    const { id } = await campaign(admin);
    const paper = async (colorScheme) => {
      const visit = await open(`/c/${id}`, { context: { colorScheme } });
      return visit.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    };
    const [light, dark] = [await paper("light"), await paper("dark")];
    assert.equal(light, "rgb(250, 248, 245)");
    assert.equal(dark, "rgb(20, 18, 16)");
    return { light, dark };
  },

  async reducedMotion({ open, admin }) {
    const { id } = await campaign(admin);
    const moves = async (reducedMotion) => {
      const visit = await open(`/c/${id}`, { context: { reducedMotion } });
      const running = () => visit.page.evaluate(() => getComputedStyle(document.querySelector("#remaining-bar")).transitionDuration);
      return running();
    };
    assert.equal(await moves("reduce"), "0s");
    assert.equal(await moves("no-preference"), "0.6s");
    return {};
  },

  // All that a visit from the countdown to the coupon loads, as it comes over the wire.
  async bytes({ open, admin }) {
    const { id } = await campaign(admin);
    const visit = await open(`/c/${id}`, { context: { locale: "ko-KR" } });
    await visit.press();
    await visit.screen("issued");
    const total = [...visit.bytes.values()].reduce((sum, length) => sum + length, 0);
    assert.ok(visit.bytes.size >= 15, `only ${[...visit.bytes.keys()]}`);
    assert.ok(total < 60_000, `${total} bytes: ${JSON.stringify([...visit.bytes])}`);
    return { total, files: Object.fromEntries(visit.bytes) };
  },
};
