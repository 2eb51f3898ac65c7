// The server's clock as it can be known from here: as clients/python/segue/clock.py, which says why.
//
// All in milliseconds; the local clock is one that only rises (performance.now).

export const BURST = 8;
const BURST_EVERY = 60;
const EVERY = 2000;
const KEPT = 24;
const BEST = 3;
const LONGEST_ROUND = 5000;

export class ServerClock {
  samples = [];

  /** A ping that left at `sent` and was back at `back` found the server's clock at `server`. */
  pong(sent, server, back) {
    const round = back - sent;
    if (!(round >= 0 && round <= LONGEST_ROUND)) return;
    this.samples.push({ round, ahead: server - (sent + back) / 2 });
    if (this.samples.length > KEPT) this.samples.shift();
  }

  /** How far the server's clock is ahead: the mean of the quickest few. */
  get ahead() {
    const quickest = [...this.samples].sort((a, b) => a.round - b.round).slice(0, BEST);
    if (!quickest.length) return 0;
    const limit = quickest[0].round * 1.1 + 1;
    const good = quickest.filter((it) => it.round <= limit);
    return good.reduce((sum, it) => sum + it.ahead, 0) / good.length;
  }

  /** The most by which `ahead` can be wrong. */
  get uncertain() {
    return Math.min(...this.samples.map((it) => it.round)) / 2;
  }

  serverMs(local) {
    return local + this.ahead;
  }

  /** How long to wait for the next ping after `answered` of them. */
  waitMs(answered) {
    return answered < BURST ? BURST_EVERY : EVERY;
  }
}
