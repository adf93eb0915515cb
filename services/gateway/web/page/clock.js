// The service's clock as measured from here: the device's own may be wrong by minutes. Times are milliseconds since 1970.
//
// Each answer that carries `server_time` is a measurement: the service wrote it half a round trip before it arrived, give or take that half.
// The measurement with the least doubt counts; doubt grows with age, because quartz drifts.

const DRIFT = 1e-4; // of a device's clock, far more than usual
const JUMP_MS = 1_000;

export class ServerClock {
  #best = null; // { offset, doubt, at, ahead }
  #latest = -Infinity;

  // wall: the device's clock, which may be set. steady: never set, but it may stand still while the device sleeps.
  constructor({ wall = () => Date.now(), steady = () => performance.now() } = {}) {
    Object.assign(this, { wall, steady });
  }

  // sentAt and receivedAt by steady(), serverTime in milliseconds.
  measure(sentAt, receivedAt, serverTime) {
    const half = (receivedAt - sentAt) / 2;
    if (!Number.isFinite(serverTime) || half < 0) return;
    const isBetter = this.#best === null || this.isSuspect() || half <= this.doubt();
    if (isBetter) this.#best = { offset: serverTime + half - receivedAt, doubt: half, at: receivedAt, ahead: this.wall() - this.steady() };
  }

  // Before the first measurement the device's clock. A better measurement may differ by little: time does not run back for that.
  now() {
    const time = this.#best === null ? this.wall() : this.steady() + this.#best.offset;
    const ranBack = this.#latest - time;
    if (ranBack > 0 && ranBack < JUMP_MS) return this.#latest;
    this.#latest = time;
    return time;
  }

  // How far now() may be wrong, in milliseconds.
  doubt() {
    return this.#best === null ? Infinity : this.#best.doubt + (this.steady() - this.#best.at) * DRIFT;
  }

  // The device has slept, or its clock was set: measure again.
  isSuspect() {
    return this.#best === null || Math.abs(this.wall() - this.steady() - this.#best.ahead) > JUMP_MS;
  }
}
