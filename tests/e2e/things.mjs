// What several scenarios need.
import assert from "node:assert/strict";

export const inSeconds = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();

export function campaign(admin, more = {}) {
  const body = { name: "Autumn thanks", description: "For the first who come.", stock: 1_000, starts_at: inSeconds(-1), ...more };
  return admin("POST", "/v1/campaigns", body);
}

const PROBE = 10; // strangers, few against any stock here
const PROBE_AGAIN_MS = 100;

// While `work` runs, nearly `ahead` strangers stand before whoever asks, and one of them is decided a second.
export async function heldBack(admin, campaignId, url, ahead, work) {
  await admin("PUT", "/v1/dispatch", { per_second: 1 });
  try {
    // Issuers follow within a second or so: until then strangers are decided as fast as they come, and a whole crowd each time would take the stock.
    for (let round = 0; !(await isQueue(url, await crowd(url, campaignId, PROBE, `probe-${round}`))); ++round) {
      assert.ok(round * PROBE_AGAIN_MS < 20_000, "the queue does not stand still");
      await new Promise((done) => setTimeout(done, PROBE_AGAIN_MS));
    }
    await crowd(url, campaignId, ahead, "crowd");
    return await work();
  } finally {
    await admin("PUT", "/v1/dispatch", { per_second: 0 });
  }
}

// Strangers who ask, each once; the one who stands last of those that a busy gateway has let in, or nobody.
async function crowd(url, campaignId, count, round) {
  const ask = async (i) => {
    const response = await fetch(`${url}/v1/campaigns/${campaignId}/requests`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user_id: `stranger-${round}-${i}` }),
    });
    return response.json();
  };
  const requests = await Promise.all(Array.from({ length: count }, (_, i) => ask(i)));
  return requests.filter((request) => request.receipt).sort((a, b) => (b.position ?? -1) - (a.position ?? -1))[0];
}

// Whether the last of a crowd still waits after a time in which an issuer without a pace decides it.
async function isQueue(url, last) {
  if (last === undefined) return false;
  const response = await fetch(`${url}/v1/requests/${last.receipt}`, { headers: { Prefer: "wait=2" } });
  return (await response.json()).status === "waiting";
}

// By the coupons that the service has given, as an admin sees them.
export async function issuedTo(admin, campaignId) {
  const { coupons } = await admin("GET", `/v1/campaigns/${campaignId}/coupons?limit=1000`);
  return coupons;
}
