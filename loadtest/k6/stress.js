// A constant rate of people who press the button once: RATE a second (1000) for DURATION (30s), of STOCK coupons (10000).
//
//   loadtest/k6/run.sh stress
import { check } from "k6";
import exec from "k6/execution";

import { call, campaign, isGood } from "./dialect.js";

const rate = Number(__ENV.RATE || 1000);

export const options = {
  scenarios: {
    stress: {
      executor: "constant-arrival-rate",
      rate,
      timeUnit: "1s",
      duration: __ENV.DURATION || "30s",
      preAllocatedVUs: Math.max(10, rate),
      maxVUs: Math.max(100, rate),
    },
  },
  thresholds: {
    checks: ["rate>=0.995"],
    // Arrivals for which no virtual user was free: k6 itself did not keep the rate.
    dropped_iterations: [`count<${Math.ceil(rate / 10)}`],
    http_req_duration: ["avg<200"],
  },
  summaryTrendStats: ["avg", "med", "p(95)", "p(99)", "max"],
};

export function setup() {
  return { campaign: campaign(10000) };
}

export default function (data) {
  const answer = call("coupon.v1.CouponService", "IssueCoupon", {
    campaignId: data.campaign,
    userId: exec.scenario.iterationInTest + 1,
  });
  check(answer, { "a good answer": isGood });
}
