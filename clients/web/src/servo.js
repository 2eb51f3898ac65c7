// Keeping a player where the session says it should be: as clients/python/segue/servo.py. In milliseconds.

const SEEK_ABOVE = 80;
const LANDING = 20;
const JUMPS = 3;
const RATE_STEP = 0.005;
const DEAD_BAND = 4;
const RELEASE = 1.5;
const SEEK_TAKES = 30;

/** Where a track that was at `pos` at server time `at` should be at `now`. */
export function positionAt({ pos, at, playing }, now) {
  return pos + (playing ? Math.max(0, now - at) : 0);
}

/** Steers one player. `seekTakes`: what a jump costs here, as learned. */
export class Servo {
  seekTakes = SEEK_TAKES;
  rate = 1;
  #jumps = 0;
  #learned = false;

  /** Go where the track should be, from wherever. */
  jump(expected) {
    this.rate = 1;
    this.#jumps = Math.min(JUMPS, this.#jumps + 1);
    return { seek: Math.max(0, expected + this.seekTakes), rate: 1 };
  }

  /** What to do about a player that is at `actual` and should be at `expected`. */
  correct(expected, actual) {
    const behind = expected - actual;
    let near = SEEK_ABOVE;
    if (this.#jumps) {
      const took = this.seekTakes + behind;
      if (took >= 0 && took <= 1000) {
        this.seekTakes += (this.#learned ? 0.5 : 1) * (took - this.seekTakes);
        this.#learned = true;
      }
      if (this.#jumps < JUMPS) near = LANDING;
    }
    if (Math.abs(behind) > near) return this.jump(expected);
    this.#jumps = 0;
    const limit = this.rate === 1 ? DEAD_BAND : RELEASE;
    const past = this.rate !== 1 && behind > 0 !== this.rate > 1;
    if (Math.abs(behind) <= limit || past) this.rate = 1;
    else this.rate = behind > 0 ? 1 + RATE_STEP : 1 - RATE_STEP;
    return { seek: null, rate: this.rate };
  }
}
