// The document: the only module that touches it. What comes from the service is written as text, never as markup.

import { qr, qrPath } from "./qr.js";
import { discount, number, span, time } from "./words.js";

const OVER = new Set(["sold_out", "ended", "closed", "missing", "limit", "trouble"]);
const MARKS = {
  ended: "M32 20v12l8 6",
  failed: "M32 20v12l8 6",
  limit: "M21 33l8 8 15-17",
  missing: "M23 23l18 18M41 23L23 41",
  paused: "M26 23v18M38 23v18",
};
const MARK = "M20 32h24";
const QUIET = 3; // modules of white around a QR code; its white box adds more
const TOLD_EVERY_MS = 15_000;

export class Screen {
  #code = null;
  #toldAt = -Infinity;
  #isReached = true;
  #shown = "loading";

  constructor(document) {
    this.document = document;
    this.byId = new Proxy({}, { get: (_, id) => document.getElementById(id) });
  }

  // The buttons are language, ask, copy and more.
  onPress(button, react) {
    this.byId[button].addEventListener("click", react);
  }

  // ---- what is said

  speak(words) {
    this.words = words;
    this.document.documentElement.lang = words.language;
    for (const node of this.document.querySelectorAll("[data-text]")) set(node, words[node.dataset.text]);
    const button = this.byId.language;
    set(button, words.other);
    button.lang = words.language === "ko" ? "en" : "ko";
  }

  // Aloud, for who does not see the page. Positions change all the time: `seldom` tells one now and then.
  tell(text, { seldom = false } = {}) {
    const now = performance.now();
    if (seldom && now - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = now;
    set(this.byId.announcer, text);
  }

  tellOpening(seconds) {
    this.tell(`${this.words.opensIn} ${span(seconds * 1_000, this.words)}`);
  }

  connection(isReached, isWaiting) {
    const note = this.byId.connection;
    note.hidden = isReached;
    set(note, isWaiting ? this.words.lostWaiting : this.words.lost);
    if (isReached !== this.#isReached) this.tell(isReached ? this.words.back : note.textContent);
    this.#isReached = isReached;
  }

  // ---- a campaign

  campaign(view) {
    const { byId, words } = this;
    const isFirst = this.#shown === "loading";
    if (view.screen === "loading") return;
    byId.loading.hidden = true;
    byId.campaign.hidden = false;
    set(byId.chip, words.chip[view.screen]);
    set(byId.name, view.name || "openrun");
    set(byId.description, view.description);
    byId.campaign.classList.toggle("is-over", OVER.has(view.screen));
    const focused = byId.campaign.querySelector(":focus");
    const sections = [...byId.stage.children];
    const shown = sections.find((section) => section.dataset.screen.split(" ").includes(view.screen)) ?? sections.at(-1);
    for (const section of sections) section.hidden = section !== shown;
    this.#fill(view);
    this.#act(view);
    this.#earlier(view.earlier);
    this.document.title = [this.#titleOf(view), view.name].filter(Boolean).join(" · ");
    if (view.screen === this.#shown) return;
    this.#shown = view.screen;
    // Who stood on a button that has gone shall find what came instead.
    if (focused?.closest("[hidden]")) {
      const heading = shown.querySelector("h2");
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    if (view.screen !== "scheduled") this.tell(this.#spoken(view));
    else if (!isFirst) this.tellOpening(view.left.total);
  }

  #fill(view) {
    if (view.screen === "scheduled") return this.#countdown(view);
    if (view.screen === "open" || view.screen === "asking") return this.#stock(view);
    if (view.screen === "waiting") return this.#queue(view);
    if (view.screen === "issued" || view.screen === "already") return this.#coupon(view);
    const [title, text] = this.words.notice[view.screen];
    set(this.byId["notice-title"], title);
    set(this.byId["notice-text"], view.detail ?? text);
    attribute(this.byId.mark.querySelector("path"), "d", MARKS[view.screen] ?? MARK);
  }

  #countdown({ left, startsAt, stock }) {
    const { byId } = this;
    byId["cell-days"].hidden = left.days === 0;
    byId.countdown.classList.toggle("has-days", left.days > 0);
    byId.countdown.classList.toggle("is-close", left.total <= 10);
    set(byId.days, String(left.days));
    for (const unit of ["hours", "minutes", "seconds"]) set(byId[unit], String(left[unit]).padStart(2, "0"));
    set(byId["opens-at"], this.words.opensAt(time(startsAt, this.words)));
    set(byId["announced-stock"], this.words.stockOf(this.#number(stock)));
  }

  #stock({ stock, remaining }) {
    this.#numeral(this.byId.remaining, remaining);
    set(this.byId["of-stock"], this.words.ofStock(this.#number(stock)));
    bar(this.byId["remaining-bar"], stock > 0 ? remaining / stock : 0);
  }

  #queue({ progress, remaining, now }) {
    const { byId, words } = this;
    const { position } = progress;
    set(byId.before, position === 0 ? words.next : words.before);
    this.#numeral(byId.position, position);
    set(byId.people, words.people);
    bar(byId["queue-bar"], progress.share());
    set(byId.eta, this.#eta(progress, now));
    set(byId["still-left"], remaining === null ? "" : words.stillLeft(this.#number(remaining)));
    this.tell(this.#before(position), { seldom: true });
  }

  #eta(progress, now) {
    const remainingMs = progress.remaining(now);
    if (progress.isLate) return this.words.etaLate;
    if (remainingMs === null) return this.words.etaUnknown;
    return remainingMs < 1_500 ? this.words.etaSoon : this.words.eta(span(remainingMs, this.words));
  }

  #coupon({ screen, coupon, policy, name, now }) {
    const { byId, words } = this;
    set(byId["coupon-title"], words[screen]);
    set(byId.discount, policy?.discount ? discount(policy.discount, this.words) : words.sequence(this.#number(coupon.sequence)));
    set(byId.code, coupon.code);
    set(byId.validity, this.#validity(coupon, now));
    attribute(byId.qr, "aria-label", words.qr);
    if (this.#code === coupon.code) return;
    this.#code = coupon.code;
    const picture = qr(coupon.code);
    const size = picture.size + 2 * QUIET;
    attribute(byId.qr, "viewBox", `0 0 ${size} ${size}`);
    attribute(byId.qr.querySelector("path"), "d", qrPath(picture, QUIET));
  }

  #validity({ valid_until: end }, now) {
    if (!end) return this.words.noEnd;
    return Date.parse(end) <= now ? this.words.expired : this.words.validUntil(time(end, this.words));
  }

  // The buttons keep their place from screen to screen. A button that can't be pressed yet can be stood on.
  #act({ screen, isSignedOut, canAskAgain }) {
    const { byId, words } = this;
    const hasCoupon = screen === "issued" || screen === "already";
    const canAsk = screen === "open" && !isSignedOut;
    const showsAsk = !isSignedOut && (["scheduled", "open", "asking"].includes(screen) || (hasCoupon && canAskAgain));
    byId.copy.hidden = !hasCoupon;
    if (!byId.copy.dataset.told) set(byId.copy, words.copy);
    byId.ask.hidden = !showsAsk;
    byId.ask.classList.toggle("is-busy", screen === "asking");
    byId.ask.classList.toggle("is-second", hasCoupon);
    attribute(byId.ask, "aria-disabled", String(!canAsk && !hasCoupon));
    const label = { scheduled: words.opensSoon, open: words.ask, asking: words.asking }[screen] ?? words.askAnother;
    set(byId["ask-text"], label);
    set(byId.hint, this.#hint(screen, isSignedOut));
  }

  #hint(screen, isSignedOut) {
    if (screen === "waiting") return this.words.keepsPlace;
    if (!["scheduled", "open", "asking"].includes(screen)) return "";
    return isSignedOut ? this.words.signIn : this.words.pressOnce;
  }

  #earlier(coupons) {
    this.byId.earlier.hidden = coupons.length === 0;
    fillList(this.byId["earlier-list"], coupons, (item, coupon) => set(item, coupon.code));
  }

  // How copying went, on the button itself, for a moment.
  copied(hasWorked) {
    const { copy } = this.byId;
    const text = hasWorked ? this.words.copied : this.words.copyFailed;
    copy.dataset.told = "yes";
    set(copy, text);
    this.tell(text);
    setTimeout(() => {
      delete copy.dataset.told;
      set(copy, this.words.copy);
    }, 2_000);
  }

  // For browsers, and pages without HTTPS, that know no clipboard.
  selectCode() {
    this.document.getSelection().selectAllChildren(this.byId.code);
    return this.document.execCommand("copy");
  }

  #before(position) {
    return `${this.words.before} ${this.#number(position)}${this.words.people}`;
  }

  #spoken({ screen, remaining, progress, coupon }) {
    const { words } = this;
    if (screen === "open") return `${words.chip.open}. ${words.stillLeft(this.#number(remaining))}`;
    if (screen === "waiting") return this.#before(progress.position);
    if (screen === "asking") return words.asking;
    if (coupon && words[screen]) return `${words[screen]}. ${words.code}: ${coupon.code}`;
    return words.notice[screen].join(". ");
  }

  #titleOf({ screen, left, progress }) {
    if (screen === "scheduled" && left.total < 3_600) {
      return `${String(left.minutes).padStart(2, "0")}:${String(left.seconds).padStart(2, "0")}`;
    }
    if (screen === "waiting") return this.#before(progress.position);
    return this.words.chip[screen];
  }

  // ---- the list

  list({ open, coming, hasMore }) {
    const { byId, words } = this;
    byId.loading.hidden = true;
    byId.list.hidden = false;
    this.document.title = words.listTitle;
    this.#campaigns(byId["list-open"], open, (campaign) => words.stillLeft(this.#number(campaign.remaining)));
    this.#campaigns(byId["list-coming"], coming, (campaign) =>
      campaign.left.total < 3_600
        ? `${words.opensIn} ${span(campaign.left.total * 1_000, this.words)}`
        : words.opensAt(time(campaign.starts_at, this.words)),
    );
    const isEmpty = open.length + coming.length === 0;
    byId["list-empty"].hidden = !isEmpty;
    words.listEmpty.forEach((text, i) => set(byId["list-empty"].children[i], text));
    byId.more.hidden = !hasMore;
  }

  #campaigns(section, campaigns, textOf) {
    section.hidden = campaigns.length === 0;
    fillList(section.querySelector("ul"), campaigns, (item, campaign) => {
      const link = item.firstChild ?? item.appendChild(this.document.createElement("a"));
      if (!link.firstChild) {
        link.append(this.document.createElement("b"), this.document.createElement("span"));
        link.firstChild.dir = "auto";
      }
      attribute(link, "href", `/c/${campaign.id}`);
      set(link.firstChild, campaign.name);
      set(link.lastChild, textOf(campaign));
    });
  }

  #number(value) {
    return number(value, this.words);
  }

  #numeral(node, value) {
    const text = this.#number(value);
    set(node, text);
    node.closest(".numeral").classList.toggle("is-long", text.length > 5);
  }
}

// Only what differs is written, so that nothing is laid out or read aloud anew without need.
function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function attribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function bar(node, share) {
  node.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})`;
}

function fillList(list, things, fill) {
  while (list.children.length > things.length) list.lastChild.remove();
  things.forEach((thing, i) => fill(list.children[i] ?? list.appendChild(list.ownerDocument.createElement("li")), thing));
}
