// What was just played in this tab, and how: what comes next follows it.

const MOST = 5;
const SKIPPED_MS = 30_000;

export class History {
  #plays = [];

  /** A play is over; `heardMs` of it was heard. */
  add(track, heardMs) {
    const how = heardMs < Math.min(SKIPPED_MS, track.duration_ms / 2) ? "skipped" : "completed";
    this.#plays = [{ id: track.id, how }, ...this.#plays.filter((it) => it.id !== track.id)].slice(0, MOST);
  }

  /** As `GET /v1/me/next-up?played=` takes it, with `current` as the latest. */
  told(current = null) {
    const all = current ? [{ id: current.id, how: "completed" }, ...this.#plays.filter((it) => it.id !== current.id)] : this.#plays;
    return all.slice(0, MOST).map(({ id, how }) => `${id}:${how}`);
  }
}
