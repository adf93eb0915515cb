// What the scripts share: a campaign to press on, and what counts as a good answer.
import http from "k6/http";
import { fail } from "k6";

export const url = (__ENV.OPENRUN_URL || "http://127.0.0.1:8080").replace(/\/$/, "");
// Refusals are answers too: k6 shall not call them failed requests.
http.setResponseCallback(http.expectedStatuses(200, 400, 409));

const json = { "Content-Type": "application/json" };

export function call(service, method, message, params = {}) {
  const headers = { ...json, ...(params.headers || {}) };
  return http.post(`${url}/${service}/${method}`, JSON.stringify(message), { ...params, headers });
}

// CAMPAIGN names one that is there; else a new one with STOCK coupons is made, which is open already.
export function campaign(stock) {
  if (__ENV.CAMPAIGN) return Number(__ENV.CAMPAIGN);
  const token = __ENV.OPENRUN_ADMIN_TOKEN;
  const answer = call(
    "coupon.v1.CouponService",
    "CreateCampaign",
    { name: "k6", couponLimit: String(__ENV.STOCK || stock), startTime: new Date(Date.now() - 1000).toISOString() },
    { headers: token ? { Authorization: `Bearer ${token}` } : {} },
  );
  if (answer.status !== 200) fail(`the campaign was not created: ${answer.status} ${answer.body}`);
  return answer.json("campaignId");
}

// What the answer says; nothing where it is none, or comes from something that stands between.
function messageOf(answer) {
  try {
    return answer.json("message");
  } catch {
    return undefined;
  }
}

// A coupon, or a refusal that says why there is none.
export function isGood(answer) {
  const message = messageOf(answer);
  if (answer.status === 200) return message === "OK";
  return message === "COUPON_SOLD_OUT" || message === "COUPON_ALREADY_CLAIMED";
}
