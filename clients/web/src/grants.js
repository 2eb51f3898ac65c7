// Play grants: what may be fetched, with which signature, and until when.

const RENEW_BEFORE_MS = 30_000;
const RETRY_MS = 5_000;

/** The address prefix that a `URLPrefix=…` signature opens. */
export function prefixOf(signature) {
  const encoded = new URLSearchParams(signature).get("URLPrefix") ?? "";
  return atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
}

/** `url` with `signature` in place of whatever signature it had. */
export function signed(url, signature) {
  const bare = url.split("#", 1)[0].split("?", 1)[0];
  return `${bare}?${signature}`;
}

/** The edge of `grant` that `url` leads to, if any. */
export function edgeOf(grant, url) {
  return grant.edges.find((edge) => url.startsWith(edge.prefix)) ?? null;
}

/** Everywhere that `url` may be fetched from under `grant`, signed, best first; null when nowhere. */
export function addressesOf(grant, url) {
  const own = edgeOf(grant, url);
  if (!own) return null;
  const path = url.slice(own.prefix.length);
  return grant.edges.map((edge) => signed(edge.prefix + path, edge.signature));
}

/**
 * The grants in force, by track. A grant is short, and renewed shortly before it ends or when
 * something is fetched after a pause: the play that it began stays the same, only the signature
 * is new. How long it holds is counted from when it was asked for, whatever this device's clock
 * says the time is.
 */
export class Grants {
  #api;
  #now;
  #steady;
  #held = new Map();
  #measured = new Map();

  constructor(api, now = () => Date.now(), steady = () => performance.now()) {
    this.#api = api;
    this.#now = now;
    this.#steady = steady;
  }

  /** Ask for a new play of the track; `more` is what else the service may want to know. */
  async ask(trackId, more = {}) {
    const asked = this.#moment();
    const answer = await this.#api.play(trackId, { ...more, renews: true });
    const grant = { ...answer, trackId, more, ...this.#signing(answer, asked) };
    this.#held.set(trackId, grant);
    return grant;
  }

  drop(trackId) {
    this.#held.delete(trackId);
  }

  /** Signed addresses of `url`, best first, when a grant covers it; null when none does. Waits for a renewal when due. */
  async sign(url) {
    for (const grant of this.#held.values()) {
      if (!edgeOf(grant, url)) continue;
      if (this.#heldMs(grant) >= grant.renewAtMs) await this.#inTime(grant);
      return addressesOf(grant, url);
    }
    return null;
  }

  /** A fresh signature for the grant; several who ask at once share one request. */
  async renew(grant) {
    const asked = this.#moment();
    grant.renewing ??= this.#api
      .play(grant.trackId, { ...grant.more, take_over: false, skip: false, renews: true })
      .then((answer) => Object.assign(grant, { signature: answer.signature, ...this.#signing(answer, asked, grant.edges) }))
      .finally(() => (grant.renewing = null));
    return grant.renewing;
  }

  /** A renewal that need not succeed yet: what is granted holds to its end, whoever is out of reach or changed their mind. */
  async #inTime(grant) {
    try {
      await this.renew(grant);
    } catch (why) {
      if (this.#heldMs(grant) >= grant.validMs) throw why;
      grant.renewAtMs = Math.min(this.#heldMs(grant) + RETRY_MS, grant.validMs);
    }
  }

  #moment() {
    return { now: this.#now(), steady: this.#steady() };
  }

  /** How long ago the grant was asked for: a clock may be set back, and the other one may stand still while the device sleeps. */
  #heldMs({ asked }) {
    return Math.max(this.#now() - asked.now, this.#steady() - asked.steady);
  }

  /** What came of a request to `url`. An edge that failed goes behind the others, for all grants. */
  tell(url, { bytes = 0, ms = 0, failed = false }) {
    for (const grant of this.#held.values()) {
      const edge = edgeOf(grant, url);
      if (!edge) continue;
      if (failed) grant.edges.sort((a, b) => (a.name === edge.name) - (b.name === edge.name));
      const known = this.#measured.get(edge.name) ?? { requests: 0, errors: 0, bytes: 0, ms: 0 };
      known.requests += 1;
      known.errors += failed ? 1 : 0;
      known.bytes += bytes;
      known.ms += Math.round(ms);
      this.#measured.set(edge.name, known);
      return;
    }
  }

  /** What was measured at each edge since the last time. */
  measured() {
    const found = [...this.#measured].filter(([name]) => name).map(([edge, sums]) => ({ edge, ...sums }));
    this.#measured.clear();
    return found;
  }

  #signing(answer, asked, before = []) {
    const told = answer.edges ?? [{ name: "", signature: answer.signature }];
    const edges = told.map(({ name, signature }) => ({ name, signature, prefix: prefixOf(signature) }));
    // What failed stays behind: a renewal by the same name is no reason to try it first again.
    const places = new Map(before.map((edge, place) => [edge.name, place]));
    if (edges.every((edge) => places.has(edge.name))) edges.sort((a, b) => places.get(a.name) - places.get(b.name));
    const validMs = answer.valid_for_s * 1000;
    return { edges, prefix: prefixOf(answer.signature), asked, validMs, renewAtMs: validMs - RENEW_BEFORE_MS };
  }
}
