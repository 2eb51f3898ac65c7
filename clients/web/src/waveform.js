// The waveform as a seek bar: bars on a canvas under a real slider, which keyboards can reach.

import { clock } from "./format.js";

const BAR = 3;
const GAP = 2;

/** `peaks` (0…1, any number of them) as `count` bars, each the loudest of its share. */
export function bars(peaks, count) {
  const out = new Array(count).fill(0);
  for (let n = 0; n < count; n += 1) {
    const from = Math.floor((n * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((n + 1) * peaks.length) / count));
    for (let at = from; at < to && at < peaks.length; at += 1) out[n] = Math.max(out[n], peaks[at]);
  }
  return out;
}

/**
 * The peaks of a waveform document, scaled to 0…1; empty when it is not one. BBC audiowaveform's
 * JSON holds (lowest, highest) pairs, channel after channel: {"version": 2, "channels": 1,
 * "bits": 8, "length": 2, "data": [-63, 64, -12, 11]}.
 */
export function peaksOf(document) {
  const { data, channels = 1 } = document ?? {};
  if (!Array.isArray(data) || !(channels >= 1)) return [];
  const peaks = [];
  for (let at = 0; at + 1 < data.length; at += 2 * channels) {
    let peak = 0;
    for (const value of data.slice(at, at + 2 * channels)) peak = Math.max(peak, Math.abs(Number(value)) || 0);
    peaks.push(peak);
  }
  const top = peaks.reduce((a, b) => Math.max(a, b), 0);
  return top ? peaks.map((peak) => peak / top) : [];
}

export class Waveform {
  #canvas;
  #slider;
  #peaks = [];
  #durationS = 0;
  #positionS = 0;
  #bufferedS = 0;
  #dragging = false;

  constructor(canvas, slider, seek) {
    this.#canvas = canvas;
    this.#slider = slider;
    slider.addEventListener("input", () => {
      this.#dragging = true;
      this.#positionS = Number(slider.value);
      this.#draw();
    });
    slider.addEventListener("change", () => {
      this.#dragging = false;
      seek(Number(slider.value));
    });
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  reset(durationS) {
    this.#peaks = [];
    this.#durationS = durationS;
    this.#slider.max = String(durationS || 1);
    this.#slider.disabled = !durationS;
    this.move(0, 0);
  }

  set peaks(peaks) {
    this.#peaks = peaks;
    this.#draw();
  }

  move(positionS, bufferedS) {
    this.#bufferedS = bufferedS;
    if (!this.#dragging) {
      this.#positionS = positionS;
      this.#slider.value = String(positionS);
    }
    this.#slider.setAttribute("aria-valuetext", `${clock(this.#positionS)} of ${clock(this.#durationS)}`);
    this.#draw();
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.#canvas);
    const [played, loaded, rest] = ["--played", "--loaded", "--rest"].map((name) => style.getPropertyValue(name));
    const count = Math.max(1, Math.floor((width + GAP) / (BAR + GAP)));
    const levels = this.#peaks.length ? bars(this.#peaks, count) : new Array(count).fill(0.06);
    const perS = this.#durationS ? width / this.#durationS : 0;
    levels.forEach((level, n) => {
      const x = n * (BAR + GAP);
      const tall = Math.max(2, level * (height - 4));
      pen.fillStyle = x < this.#positionS * perS ? played : x < this.#bufferedS * perS ? loaded : rest;
      pen.beginPath();
      pen.roundRect(x, (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    });
  }
}
