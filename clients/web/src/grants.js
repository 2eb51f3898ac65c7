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

/**
 * The grants in force, by track. A grant is renewed shortly before it ends: the play that it
 * began stays the same, only the signature is new.
 */
export class Grants {
  #api;
  #now;
  #held = new Map();

  constructor(api, now = () => Date.now()) {
    this.#api = api;
    this.#now = now;
  }

  /** Ask for a new play of the track. */
  async ask(trackId) {
    const answer = await this.#api.play(trackId);
    const grant = { ...answer, trackId, ...this.#signing(answer) };
    this.#held.set(trackId, grant);
    return grant;
  }

  drop(trackId) {
    this.#held.delete(trackId);
  }

  /** `url` signed, when a grant covers it; null when none does. Waits for a renewal when due. */
  async sign(url) {
    for (const grant of this.#held.values()) {
      if (!url.startsWith(grant.prefix)) continue;
      if (this.#now() > grant.validUntil - RENEW_BEFORE_MS) await this.renew(grant);
      return signed(url, grant.signature);
    }
    return null;
  }

  /** A fresh signature for the grant; several who ask at once share one request. */
  async renew(grant) {
    grant.renewing ??= this.#api
      .play(grant.trackId)
      .then((answer) => Object.assign(grant, { signature: answer.signature, ...this.#signing(answer) }))
      .finally(() => (grant.renewing = null));
    return grant.renewing;
  }

  #signing(answer) {
    return { prefix: prefixOf(answer.signature), validUntil: Date.parse(answer.valid_until) };
  }
}
