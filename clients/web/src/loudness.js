// Every track equally loud: its gain times the listener's volume, without clipping its peaks.

const CEILING_DBTP = -1;

/** The factor for a track: `gain_db`, held so that its true peak stays under -1 dBTP. */
export function trackGain({ gain_db: gain, true_peak_dbtp: peak }) {
  if (!Number.isFinite(gain)) return 1;
  const room = Number.isFinite(peak) ? CEILING_DBTP - peak : 0;
  return 10 ** (Math.min(gain, Math.max(room, 0)) / 20);
}

/** Volume by Web Audio, which can raise as well as lower; by the element where there is none. */
export class Loudness {
  #audio;
  #context = null;
  #node = null;
  #gain = 1;
  #volume = 1;

  constructor(audio) {
    this.#audio = audio;
  }

  /** Call on the listener's first gesture: browsers start no sound before one. */
  start() {
    if (this.#context) {
      if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
      return;
    }
    try {
      this.#context = new AudioContext({ latencyHint: "playback" });
      this.#node = this.#context.createGain();
      this.#context.createMediaElementSource(this.#audio).connect(this.#node);
      this.#node.connect(this.#context.destination);
    } catch {
      this.#node = null;
    }
    this.#apply(0);
  }

  /** What is added to the track that is on, in dB. */
  get gainDb() {
    return 20 * Math.log10(this.#gain);
  }

  set track(sound) {
    this.#gain = trackGain(sound);
    this.#apply(0);
  }

  /** From 0 to 1, as the slider stands; what is heard follows its square, as ears do. */
  set volume(value) {
    this.#volume = value;
    this.#apply(0.015);
  }

  #apply(over) {
    const level = this.#gain * this.#volume ** 2;
    if (!this.#node) {
      this.#audio.volume = Math.min(1, level);
      return;
    }
    this.#audio.volume = 1;
    const gain = this.#node.gain;
    const now = this.#context.currentTime;
    gain.cancelScheduledValues(now);
    if (over) gain.setTargetAtTime(level, now, over);
    else gain.setValueAtTime(level, now);
  }
}
