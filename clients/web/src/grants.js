// Play grants: what may be fetched, with which signature, and until when.

const RENEW_BEFORE_MS = 30_000;

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
 * The grants in force, by track. A grant is renewed shortly before it ends: the play that it
 * began stays the same, only the signature is new.
 */
export class Grants {
  #api;
  #now;
  #held = new Map();
  #measured = new Map();

  constructor(api, now = () => Date.now()) {
    this.#api = api;
    this.#now = now;
  }

  /** Ask for a new play of the track; `more` is what else the service may want to know. */
  async ask(trackId, more = {}) {
    const answer = await this.#api.play(trackId, more);
    const grant = { ...answer, trackId, more, ...this.#signing(answer) };
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
      if (this.#now() > grant.validUntil - RENEW_BEFORE_MS) await this.renew(grant);
      return addressesOf(grant, url);
    }
    return null;
  }

  /** A fresh signature for the grant; several who ask at once share one request. */
  async renew(grant) {
    grant.renewing ??= this.#api
      .play(grant.trackId, { ...grant.more, take_over: false, skip: false })
      .then((answer) => Object.assign(grant, { signature: answer.signature, ...this.#signing(answer, grant.edges) }))
      .finally(() => (grant.renewing = null));
    return grant.renewing;
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

  #signing(answer, before = []) {
    const told = answer.edges ?? [{ name: "", signature: answer.signature }];
    const edges = told.map(({ name, signature }) => ({ name, signature, prefix: prefixOf(signature) }));
    // What failed stays behind: a renewal by the same name is no reason to try it first again.
    const places = new Map(before.map((edge, place) => [edge.name, place]));
    if (edges.every((edge) => places.has(edge.name))) edges.sort((a, b) => places.get(a.name) - places.get(b.name));
    return { edges, prefix: prefixOf(answer.signature), validUntil: Date.parse(answer.valid_until) };
  }
}
