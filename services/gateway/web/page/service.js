// What the page reads of the service besides requests: campaigns, and with each answer the time.

const PATIENCE_MS = 10_000;

export class Service {
  // onReach(isReached) is told whether the service answered, after each call.
  constructor({ clock, onReach, fetch = globalThis.fetch.bind(globalThis) }) {
    Object.assign(this, { clock, onReach, rawFetch: fetch });
  }

  // fetch() that watches the connection; the client for requests is given this too.
  fetch = async (url, init) => {
    try {
      const response = await this.rawFetch(url, init);
      this.onReach(response.status < 502 || response.status > 504);
      return response;
    } catch (error) {
      if (error?.name !== "AbortError") this.onReach(false);
      throw error;
    }
  };

  campaign(id) {
    return this.#read(`/v1/campaigns/${encodeURIComponent(id)}`, (campaign) => campaign.server_time);
  }

  campaigns(state, after) {
    return this.#read(`/v1/campaigns?state=${state}&limit=20${after ? `&after=${after}` : ""}`, (page) => page.campaigns[0]?.server_time);
  }

  async #read(path, timeOf) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("no answer in time")), PATIENCE_MS);
    try {
      const sentAt = this.clock.steady();
      const response = await this.fetch(path, { headers: { Accept: "application/json" }, cache: "no-store", signal: patience.signal });
      const receivedAt = this.clock.steady();
      if (!response.ok) throw refused(response);
      const json = await response.json();
      const serverTime = timeOf(json);
      if (serverTime) this.clock.measure(sentAt, receivedAt, Date.parse(serverTime));
      return json;
    } finally {
      clearTimeout(timer);
    }
  }
}

// An error with the status, and what Retry-After says.
function refused({ status, headers }) {
  return Object.assign(new Error(`status ${status}`), { status, retryAfterMs: 1_000 * (Number(headers.get("Retry-After")) || 0) });
}
