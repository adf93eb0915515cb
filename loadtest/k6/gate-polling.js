// People in a waiting room: each enqueues, looks at its rank once a second until it is let through, and completes. In stages up to
// VUS virtual users (2000). How long they wait is the trend waiting_time. DISPATCH=500 slows the queue down to so many a second first
// (PUT /v1/dispatch), and lifts that at the end.
//
//   loadtest/k6/run.sh gate-polling
import http from "k6/http";
import { check, fail, sleep } from "k6";
import exec from "k6/execution";
import { Rate, Trend } from "k6/metrics";

import { campaign, url } from "./dialect.js";

const users = Number(__ENV.VUS || 2000);
const stage = __ENV.STAGE || "10s";
const patienceSeconds = Number(__ENV.PATIENCE || 60);

const waitingTime = new Trend("waiting_time", true);
const letThrough = new Rate("let_through");

export const options = {
  scenarios: {
    gate: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [
        { duration: stage, target: Math.ceil(users / 10) },
        { duration: stage, target: Math.ceil(users / 2) },
        { duration: stage, target: users },
        { duration: stage, target: users },
        { duration: stage, target: 0 },
      ],
      gracefulRampDown: "30s",
    },
  },
  thresholds: {
    checks: ["rate>=0.995"],
    let_through: ["rate>=0.995"],
    waiting_time: ["p(95)<30000"],
    http_req_duration: ["p(95)<1000"],
  },
  summaryTrendStats: ["avg", "med", "p(95)", "p(99)", "max"],
};

function dispatch(perSecond) {
  const answer = http.put(`${url}/v1/dispatch`, JSON.stringify({ per_second: perSecond }), {
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${__ENV.OPENRUN_ADMIN_TOKEN}` },
  });
  if (answer.status !== 200) fail(`the pace was not set: ${answer.status} ${answer.body}`);
}

export function setup() {
  if (__ENV.DISPATCH) dispatch(Number(__ENV.DISPATCH));
  return { campaign: campaign(1000000) };
}

export function teardown() {
  if (__ENV.DISPATCH) dispatch(0);
}

export default function (data) {
  const gate = `${url}/gate/events/${data.campaign}`;
  const user = `user-${exec.scenario.iterationInTest}`;
  const begun = Date.now();
  const entered = http.post(`${gate}/enqueue?userId=${user}`, null, { tags: { name: "enqueue" } });
  const isEnqueued = (answer) => answer.status === 200 && answer.json("status") === "ENQUEUED";
  if (!check(entered, { enqueued: isEnqueued })) {
    letThrough.add(false);
    sleep(1);
    return;
  }
  // The cookie of the answer names the place.
  for (;;) {
    sleep(1);
    const told = http.get(`${gate}/rank?userId=${user}`, { tags: { name: "rank" } });
    check(told, { "the rank is told": (answer) => answer.status === 200 });
    if (told.status === 200 && told.json("status") === "PROCESSING") break;
    if (Date.now() - begun > patienceSeconds * 1000) {
      letThrough.add(false);
      return;
    }
  }
  waitingTime.add(Date.now() - begun);
  letThrough.add(true);
  http.post(`${gate}/processing/complete?userId=${user}`, null, { tags: { name: "complete" } });
}
