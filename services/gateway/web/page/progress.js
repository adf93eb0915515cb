// A request's way through the queue as it is shown: neither the position nor the time of the outcome ever moves back, whatever gateway answers.

export class Progress {
  // kept: what toKeep() gave before the page was loaded again.
  constructor(kept) {
    this.first = kept?.first ?? null; // the position it began with
    this.position = kept?.position ?? null;
    this.doneAt = kept?.doneAt ?? null; // when the outcome is expected, by the service's clock
    this.isLate = false;
  }

  update({ position, etaMs }, now) {
    if (Number.isFinite(position)) {
      this.position = this.position === null ? position : Math.min(this.position, position);
      this.first = Math.max(this.first ?? 0, position);
    }
    if (Number.isFinite(etaMs)) {
      const expected = now + etaMs;
      this.doneAt = this.doneAt === null ? expected : Math.min(this.doneAt, expected);
      this.isLate = expected - this.doneAt > 5_000 && this.doneAt - now < 1_000;
    }
  }

  // Milliseconds; null while nobody knows.
  remaining(now) {
    return this.doneAt === null ? null : Math.max(0, this.doneAt - now);
  }

  // From 0 to 1.
  share() {
    if (this.position === null || !this.first) return 0;
    return 1 - this.position / this.first;
  }

  toKeep() {
    return { first: this.first, position: this.position, doneAt: this.doneAt };
  }
}
