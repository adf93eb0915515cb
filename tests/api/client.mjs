// What tests/api/test_client.py runs: USERS clients in one process ask for CAMPAIGN's coupons, every tenth of them twice, through connections
// of which some break before the answer is there. Prints one JSON line: the outcomes by status or reason.
const [url, campaign, users] = process.argv.slice(2);
const { OpenrunClient } = await import(`data:text/javascript,${encodeURIComponent(await (await fetch(`${url}/openrun-client.js`)).text())}`);

let calls = 0;
const unreliable = async (...call) => {
  const answer = await fetch(...call);
  if (++calls % 7 === 0) throw new TypeError("the connection was lost after the service had answered");
  return answer;
};
const storage = new Map();
const options = {
  baseUrl: url,
  fetch: unreliable,
  storage: {
    getItem: (name) => storage.get(name) ?? null,
    setItem: (name, value) => void storage.set(name, value),
    removeItem: (name) => void storage.delete(name),
  },
};

const asked = [];
for (let i = 0; i < Number(users); ++i) {
  asked.push(new OpenrunClient(options).request(campaign, `user-${i}`));
  if (i % 10 === 0) asked.push(new OpenrunClient(options).request(campaign, `user-${i}`));
}
const outcomes = {};
const codes = new Set();
for (const outcome of await Promise.all(asked)) {
  const name = outcome.reason ?? outcome.status;
  outcomes[name] = (outcomes[name] ?? 0) + 1;
  if (outcome.coupon) codes.add(outcome.coupon.code);
}
console.log(JSON.stringify({ outcomes, codes: codes.size, lost: Math.floor(calls / 7), receipts: storage.size }));
