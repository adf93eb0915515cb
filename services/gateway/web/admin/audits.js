// What audits found, in words. Pure.

import { count, duration } from "./dom.js";

// By the names of /v1/operations.
export const AUDITS = { reconciler: "Reconciler, all the time", audit: "openrun audit", deep_audit: "openrun audit --deep" };

// One of `audits`; null where there was none yet, undefined where nobody knows.
export function verdictOf(audit) {
  if (audit === undefined) return "unknown: Postgres does not tell";
  if (audit === null) return "never";
  const looked = `${count(audit.coupons)} coupons of ${count(audit.campaigns)} campaigns in ${count(audit.partitions)} partitions`;
  const took = `${duration(audit.ms_ago)} ago, by ${audit.by}, in ${duration(audit.took_ms)}`;
  const left = audit.not_checked > 0 ? `${count(audit.not_checked)} things could not be checked` : "";
  const verdicts = {
    clean: "clean",
    incomplete: `nothing found, but ${left}`,
    wrong: `WRONG: ${count(audit.found)} found${left && `, and ${left}`}`,
  };
  return `${verdicts[audit.verdict]} (${looked}; ${took})`;
}

export function findingsOf(audit) {
  const shown = audit?.findings ?? [];
  const lines = shown.map(({ invariant, text }) => `${invariant}: ${text}`);
  if (audit && audit.found > shown.length) lines.push(`and ${count(audit.found - shown.length)} more`);
  return lines;
}
