// How much of a track was heard: the media time that passed while playing, not the clock's.

const LONGEST_TICK_S = 5;

export class Meter {
  #last = null;
  #byKbps = new Map();
  ms = 0;

  /** The element plays at `positionS`, fed by the rendition of `kbps`. */
  tick(positionS, kbps) {
    const passed = this.#last === null ? 0 : positionS - this.#last;
    this.#last = positionS;
    // A step back or a leap is a seek whose event came late, not listening.
    if (passed <= 0 || passed > LONGEST_TICK_S) return;
    this.ms += passed * 1000;
    this.#byKbps.set(kbps, (this.#byKbps.get(kbps) ?? 0) + passed);
  }

  /** The position will jump: the way there is not heard. */
  jump() {
    this.#last = null;
  }

  /** The bit rate that was heard longest. */
  get kbps() {
    let best = [0, 0];
    for (const [kbps, seconds] of this.#byKbps) if (seconds > best[1]) best = [kbps, seconds];
    return best[0];
  }
}
