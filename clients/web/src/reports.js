// Plays to report: kept until accepted, sent again under the same event_id.

const KEY = "segue.reports";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A fresh id of 22 base-62 digits. */
export function newId(random = (bytes) => crypto.getRandomValues(bytes)) {
  let number = 0n;
  for (const byte of random(new Uint8Array(16))) number = number * 256n + BigInt(byte);
  let digits = "";
  for (let n = 0; n < 22; n += 1) {
    digits = DIGITS[Number(number % 62n)] + digits;
    number /= 62n;
  }
  return digits;
}

export class Reports {
  #api;
  #storage;
  #busy = false;

  constructor(api, storage) {
    this.#api = api;
    this.#storage = storage;
  }

  /** Add a play and send what is waiting. */
  add(event, { leaving = false } = {}) {
    this.#keep([...this.#waiting(), event].slice(-100));
    return this.flush({ leaving });
  }

  async flush({ leaving = false } = {}) {
    const waiting = this.#waiting();
    if (!waiting.length || (this.#busy && !leaving)) return;
    this.#busy = true;
    try {
      await this.#api.events(waiting, { keepalive: leaving });
      const sent = new Set(waiting.map((event) => event.event_id));
      this.#keep(this.#waiting().filter((event) => !sent.has(event.event_id)));
    } catch (error) {
      // A body that is refused for good would be refused for ever.
      if (error?.status === 400 || error?.status === 422) this.#keep([]);
    } finally {
      this.#busy = false;
    }
  }

  #waiting() {
    try {
      return JSON.parse(this.#storage.getItem(KEY)) ?? [];
    } catch {
      return [];
    }
  }

  #keep(events) {
    this.#storage.setItem(KEY, JSON.stringify(events));
  }
}
