// Which screen is shown: a pure function of what is known. The screens are named in page.html (data-screen).

// Screens of refusals; CLOSED, ENDED, PAUSED and SOLD_OUT are called as they are.
const OF_REASON = {
  ALREADY_ISSUED: "already",
  CAMPAIGN_NOT_FOUND: "missing",
  LIMIT_REACHED: "limit",
  NOT_STARTED: "scheduled",
};

// The campaign's state at `now`: time goes on between two looks at the service.
export function stateAt(campaign, now) {
  const { state, remaining } = campaign;
  const startsAt = Date.parse(campaign.starts_at);
  const endsAt = campaign.ends_at === null ? Infinity : Date.parse(campaign.ends_at);
  if (state === "closed" || state === "ended" || state === "paused") return state;
  if (now < startsAt) return "scheduled";
  if (now >= endsAt) return "ended";
  if (state === "scheduled") return remaining > 0 ? "open" : "sold_out";
  return state;
}

// campaign: as the service showed it, null while unknown. isMissing: there is none. phase: idle, asking or waiting. outcome: what the client
// answered, null while there is none; with isNew where it came just now. coupons: those that the user holds. trouble: why asking is pointless.
export function screenOf({ campaign, isMissing, phase, outcome, coupons, trouble, wantsAnother }, now) {
  if (isMissing) return "missing";
  if (campaign === null && coupons.length === 0) return "loading";
  if (phase !== "idle") return phase;
  if (trouble) return "trouble";
  if (coupons.length > 0 && !wantsAnother) return outcome?.status === "issued" ? "issued" : "already";
  if (outcome?.status === "failed") return "failed";
  if (outcome?.status === "rejected") return OF_REASON[outcome.reason] ?? outcome.reason.toLowerCase();
  return stateAt(campaign, now);
}

// Whether a refused request may be made anew: the campaign was seen open some time after the refusal. Gateways learn of the last coupon within a
// second of each other, so what was seen at once proves nothing.
const REFUSAL_STANDS_MS = 2_000;
const CAN_CHANGE = new Set(["NOT_STARTED", "PAUSED", "SOLD_OUT", "ENDED"]);

export function refusalIsOver(outcome, refusedAt, campaign, seenAt, now) {
  if (outcome?.status !== "rejected" || !CAN_CHANGE.has(outcome.reason)) return false;
  return seenAt - refusedAt > REFUSAL_STANDS_MS && campaign.remaining > 0 && ["open", "scheduled"].includes(stateAt(campaign, now));
}

// Milliseconds until the campaign is looked at again; `random` from 0 to 1 spreads many pages.
export function lookAgainAfter(screen, random) {
  const usual = { open: 2_000, asking: 3_000, waiting: 3_000, scheduled: 8_000, sold_out: 5_000, paused: 3_000, already: 30_000, issued: 30_000 };
  return (usual[screen] ?? 60_000) * (0.75 + random / 2);
}
