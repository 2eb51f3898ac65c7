// The adaptive stream: shaka-player on one audio element, signed and counted.

import { ApiError } from "./api.js";
import { edgeOf } from "./grants.js";

const CONFIG = {
  abr: {
    enabled: true,
    // The first sound soon: 160 kbit/s until the line is known. Up with care, because a segment
    // lasts longer than what is buffered at the start.
    defaultBandwidthEstimate: 300_000,
    bandwidthUpgradeTarget: 0.7,
    bandwidthDowngradeTarget: 0.9,
    switchInterval: 4,
    // Audio is small: a segment of 24 kbit/s has 6 kB, which a video player would not count.
    advanced: { minBytes: 4_000, minTotalBytes: 32_000 },
    // navigator.connection guesses; what was measured on this stream is better.
    useNetworkInformation: false,
  },
  streaming: {
    bufferingGoal: 30,
    rebufferingGoal: 1,
    bufferBehind: 60,
    retryParameters: { maxAttempts: 5, baseDelay: 500, backoffFactor: 2, fuzzFactor: 0.3, timeout: 20_000 },
  },
  networking: { minBytesForProgressEvents: 4_000 },
  manifest: { retryParameters: { maxAttempts: 3, baseDelay: 500, backoffFactor: 2, timeout: 10_000 } },
};
const BAD_STATUS = 1001;
const FILTER_FAILED = 1006;
const RETRY_MS = 4_000;

export class Stream extends EventTarget {
  #player;
  #audio;
  #grants;
  #grant = null;
  #ahead = null;
  #renewedAt = 0;
  #retrying = null;
  bytes = 0;
  cache = "";
  hits = 0;
  requests = 0;

  constructor(audio, grants) {
    super();
    this.#audio = audio;
    this.#grants = grants;
  }

  static get supported() {
    return Boolean(globalThis.shaka?.Player.isBrowserSupported());
  }

  async open() {
    this.#player = new shaka.Player();
    await this.#player.attach(this.#audio);
    this.#player.configure(CONFIG);
    const net = this.#player.getNetworkingEngine();
    net.registerRequestFilter(async (_type, request) => {
      // Every edge that has it, best first: shaka goes to the next address when one fails.
      const everywhere = await Promise.all(request.uris.map(async (uri) => (await this.#grants.sign(uri)) ?? [uri]));
      request.uris = [...new Set(everywhere.flat())];
    });
    net.addEventListener("retry", (event) => this.#grants.tell(event.error?.data?.[0] ?? "", { failed: true }));
    net.registerResponseFilter((_type, response) => this.#count(response));
    this.#player.addEventListener("error", (event) => this.#failed(event.detail));
    this.#player.addEventListener("adaptation", () => this.#changed());
    this.#player.addEventListener("variantchanged", () => this.#changed());
    this.#player.addEventListener("buffering", (event) => {
      this.dispatchEvent(new CustomEvent("buffering", { detail: event.buffering }));
    });
  }

  /** Load what `grant` opens at `atS` seconds, from what was fetched ahead where that is this grant. */
  async load(grant, atS = 0) {
    const ahead = this.#ahead?.grant === grant ? this.#ahead.manager : null;
    if (this.#ahead && !ahead) this.#ahead.manager.destroy();
    this.#ahead = null;
    this.#grant = grant;
    this.#calm();
    this.bytes = this.hits = this.requests = 0;
    this.cache = "";
    this.#player.configure("abr.defaultBandwidthEstimate", startBps(grant));
    try {
      await this.#player.load(ahead ?? manifestOf(grant), atS);
    } catch (error) {
      if (error?.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) throw error;
    }
  }

  /** Fetch the beginning of a track that is likely to come next. */
  async preload(grant) {
    this.#ahead?.manager.destroy();
    this.#ahead = null;
    const manager = await this.#player.preload(manifestOf(grant), 0);
    if (manager) this.#ahead = { grant, manager };
  }

  get preloaded() {
    return this.#ahead?.grant ?? null;
  }

  retry() {
    this.#player?.retryStreaming();
  }

  unload() {
    this.#grant = null;
    this.#calm();
    return this.#player?.unload();
  }

  /** What the listener may want to know about the delivery, in plain numbers. */
  facts() {
    const active = this.#player?.getVariantTracks().find((track) => track.active);
    const at = this.#audio.currentTime;
    let aheadS = 0;
    for (let n = 0; n < this.#audio.buffered.length; n += 1) {
      if (this.#audio.buffered.start(n) <= at + 0.1 && this.#audio.buffered.end(n) > at) {
        aheadS = this.#audio.buffered.end(n) - at;
      }
    }
    return {
      codec: active && this.#grant ? "aac" : "",
      kbps: active && this.#grant ? nominalKbps(this.#grant, active.bandwidth) : 0,
      aheadS,
      estimateBps: this.#player?.getStats().estimatedBandwidth || 0,
      cache: this.cache,
      hits: this.hits,
      requests: this.requests,
    };
  }

  #count(response) {
    this.#grants.tell(response.uri, { bytes: response.data?.byteLength ?? 0, ms: response.timeMs ?? 0 });
    if (!this.#grant || !edgeOf(this.#grant, response.uri)) return;
    if (this.#retrying) {
      this.#calm();
      this.dispatchEvent(new Event("recovered"));
    }
    this.bytes += response.data?.byteLength ?? 0;
    this.requests += 1;
    const status = response.headers["x-cache-status"];
    if (!status) return;
    this.cache = status.toLowerCase();
    if (this.cache.startsWith("hit")) this.hits += 1;
  }

  #changed() {
    this.dispatchEvent(new Event("rendition"));
  }

  #calm() {
    clearInterval(this.#retrying);
    this.#retrying = null;
  }

  /**
   * A refused signature is renewed, once a minute at most. A line that broke is tried again
   * until it is back, while the buffer plays on. All else ends the play.
   */
  async #failed(error) {
    // The grant was to be renewed, and is not: who said no is told, who said nothing is asked again.
    if (error.code === FILTER_FAILED && isDenial(error.data?.[0])) {
      this.dispatchEvent(new CustomEvent("failed", { detail: error.data[0] }));
      return;
    }
    const refused = error.code === BAD_STATUS && error.data?.[1] === 403;
    if (refused && this.#grant && Date.now() - this.#renewedAt > 60_000) {
      this.#renewedAt = Date.now();
      try {
        await this.#grants.renew(this.#grant);
        this.#player.retryStreaming();
        return;
      } catch (why) {
        error = why;
      }
    }
    if (error.category === shaka.util.Error.Category.NETWORK && !refused && this.#audio.readyState > 0) {
      this.#retrying ??= setInterval(() => this.retry(), RETRY_MS);
      this.dispatchEvent(new CustomEvent("interrupted", { detail: error }));
      return;
    }
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }
}

/** Is it an answer that asking again would not change? */
export function isDenial(why) {
  const lasting = why?.status >= 400 && why.status < 500 && why.status !== 429;
  return Boolean(lasting) && why.decision !== "RIGHTS_UNAVAILABLE";
}

function manifestOf(grant) {
  const manifest = grant.manifests.find((m) => m.codec === "aac" && m.protocol === "dash");
  if (!manifest) throw new ApiError(0, "NO_STREAM", "no DASH manifest in the grant");
  return new URL(manifest.url, location.origin).href;
}

/** What to take the line for before it is measured: enough for where the service says to begin, and no more than we dare by ourselves. */
function startBps(grant) {
  const { codec, kbps } = grant.start ?? {};
  const begin = grant.renditions.find((rendition) => rendition.codec === codec && rendition.kbps === kbps);
  const usual = CONFIG.abr.defaultBandwidthEstimate;
  return begin ? Math.min(usual, begin.bandwidth_bps / CONFIG.abr.bandwidthUpgradeTarget) : usual;
}

/** The nominal bit rate of the AAC rendition whose peak is nearest to `bandwidth` (bits/s). */
export function nominalKbps(grant, bandwidth) {
  let best = null;
  for (const rendition of grant.renditions) {
    if (rendition.codec !== "aac") continue;
    const off = Math.abs(rendition.bandwidth_bps - bandwidth);
    if (!best || off < best.off) best = { off, kbps: rendition.kbps };
  }
  return best?.kbps ?? Math.round(bandwidth / 1000);
}
