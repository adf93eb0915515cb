// The second in which everybody presses the button: from BASE a second (50) to PEAK (3000) within two seconds, for ten, and back. What
// is shed with 503 or 429 and a Retry-After is told apart from what is wrong.
//
//   loadtest/k6/run.sh spike
import { check } from "k6";
import exec from "k6/execution";
import { Rate } from "k6/metrics";

import { call, campaign, isGood } from "./dialect.js";

const base = Number(__ENV.BASE || 50);
const peak = Number(__ENV.PEAK || 3000);

const served = new Rate("served");

export const options = {
  scenarios: {
    spike: {
      executor: "ramping-arrival-rate",
      startRate: base,
      timeUnit: "1s",
      preAllocatedVUs: Math.max(10, Math.ceil(peak / 5)),
      maxVUs: Math.max(100, peak),
      stages: [
        { duration: "5s", target: base },
        { duration: "2s", target: peak },
        { duration: "10s", target: peak },
        { duration: "2s", target: base },
        { duration: "5s", target: base },
      ],
    },
  },
  thresholds: {
    checks: ["rate>=0.995"],
    served: ["rate>=0.9"],
  },
  summaryTrendStats: ["avg", "med", "p(95)", "p(99)", "max"],
};

export function setup() {
  return { campaign: campaign(1000) };
}

export default function (data) {
  const answer = call("coupon.v1.CouponService", "IssueCoupon", {
    campaignId: data.campaign,
    userId: exec.scenario.iterationInTest + 1,
  });
  const isShed = (answer.status === 503 || answer.status === 429) && answer.headers["Retry-After"] !== undefined;
  const good = isGood(answer);
  served.add(good);
  check(answer, { "answered, or told to come again": () => good || isShed });
}
