// "/": the campaigns that are open and those that come. A campaign that is alone is shown right away.

import { left } from "./countdown.js";
import { stateAt } from "./view.js";

const LOOK_AGAIN_MS = 5_000;
const LOOK_AGAIN_MS_MAX = 60_000;
const PAGES_MAX = 10;

export class ListPage {
  #campaigns = null;
  #pages = 1; // of each kind
  #hasMore = false;
  #failures = 0;
  #timer;

  constructor({ screen, clock, service }) {
    Object.assign(this, { screen, clock, service });
  }

  start() {
    this.screen.onPress("more", () => {
      this.#pages += 1;
      this.#look();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#look();
    });
    this.#look();
    this.#tick();
  }

  setReached(isReached) {
    this.screen.connection(isReached, false);
  }

  render() {
    if (this.#campaigns === null) return;
    const now = this.clock.now();
    const open = [];
    const coming = [];
    for (const campaign of this.#campaigns) {
      const state = stateAt(campaign, now);
      if (state === "open") open.push(campaign);
      if (state === "scheduled") coming.push({ ...campaign, left: left(Date.parse(campaign.starts_at) - now) });
    }
    coming.sort((a, b) => a.starts_at.localeCompare(b.starts_at));
    this.screen.list({ open, coming, hasMore: this.#hasMore && this.#pages < PAGES_MAX });
  }

  async #look() {
    clearTimeout(this.#timer);
    let pause = LOOK_AGAIN_MS;
    if (!document.hidden) {
      try {
        const isFirst = this.#campaigns === null;
        const pages = [await this.#read("open"), await this.#read("scheduled")];
        this.#campaigns = pages.flatMap((page) => page.campaigns);
        this.#hasMore = pages.some((page) => page.hasMore);
        this.#failures = 0;
        if (isFirst && this.#campaigns.length === 1 && !this.#hasMore) location.replace(`/c/${this.#campaigns[0].id}`);
        this.render();
      } catch (error) {
        pause = Math.max(error.retryAfterMs ?? 0, Math.min(LOOK_AGAIN_MS_MAX, LOOK_AGAIN_MS * 2 ** this.#failures++));
      }
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), pause * (0.75 + Math.random() / 2));
  }

  async #read(state) {
    const campaigns = [];
    let after = null;
    for (let pages = 0; pages < this.#pages; ++pages) {
      const page = await this.service.campaigns(state, after);
      campaigns.push(...page.campaigns);
      after = page.next_after;
      if (after === null) break;
    }
    return { campaigns, hasMore: after !== null };
  }

  #tick() {
    this.render();
    setTimeout(() => this.#tick(), 1_000 - (this.clock.now() % 1_000));
  }
}
