// What is left until a time, in the units of a clock face. A second that has begun is shown whole: 1 stands until the very end.

export function left(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  return {
    days: Math.floor(seconds / 86_400),
    hours: Math.floor(seconds / 3_600) % 24,
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
    total: seconds,
  };
}

// Milliseconds until what left() says changes; at the end, until the end.
export function untilNextSecond(milliseconds) {
  if (milliseconds <= 0) return 0;
  const rest = milliseconds % 1_000;
  return rest === 0 ? 1_000 : rest;
}

// The seconds before an opening at which it is told aloud, once each.
const TOLD_AT = [3_600, 600, 300, 60, 30, 10];

// Which of them was passed between two looks, or null.
export function milestone(totalBefore, totalNow) {
  return TOLD_AT.findLast((at) => totalBefore > at && totalNow <= at && totalNow > 0) ?? null;
}
