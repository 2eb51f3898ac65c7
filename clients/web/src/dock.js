// The player at the foot of the page: what is on, where in it, and how it arrives.

import { coverUrl, artistsOf, showCover } from "./covers.js";
import { el } from "./dom.js";
import { clock, decibels, speed } from "./format.js";
import { addressesOf } from "./grants.js";
import { describeSession } from "./mediasession.js";
import { markCurrent } from "./rows.js";
import { peaksOf, Waveform } from "./waveform.js";

const VOLUME = "segue.volume";
const REPEATS = { off: "Repeat is off", context: "Repeat the list", track: "Repeat this track" };
const $ = (id) => document.getElementById(id);

export class Dock {
  #page;
  #player;
  #waveform;
  #media;
  #shown = null;

  /** `page.controls()` is what the buttons work on. */
  constructor(page) {
    this.#page = page;
    const player = (this.#player = page.player);
    this.#waveform = new Waveform($("wave"), $("seek"), (seconds) => page.controls().seek(seconds));
    this.#media = describeSession(navigator.mediaSession, player);
    for (const name of ["toggle", "next", "previous"]) $(name).addEventListener("click", () => page.controls()[name]());
    player.addEventListener("change", () => this.#refresh());
    player.addEventListener("loaded", () => this.#waves(player.grant));
    // While the buffer is dry no media event tells of what arrives.
    setInterval(() => player.track && !document.hidden && this.#refresh(), 1_000);
    $("volume").value = localStorage.getItem(VOLUME) ?? "0.8";
    $("volume").addEventListener("input", () => this.#setVolume());
    this.#setVolume();
    $("shuffle").addEventListener("click", () => this.shuffle());
    $("repeat").addEventListener("click", () => this.repeat());
    page.queued.addEventListener("change", () => this.#order());
    this.#order();
    this.#keep();
    const { connect } = page;
    connect.addEventListener("change", () => {
      const device = connect.elsewhere;
      $("elsewhere").hidden = !device;
      if (device) $("elsewhere").replaceChildren(el("a", { href: "#/devices" }, `Playing on ${device.name}`));
    });
  }

  shuffle() {
    const { queued, connect, say } = this.#page;
    if ($("shuffle").disabled) return;
    connect.order({ shuffle: !queued.shuffle });
    say(queued.shuffle ? "Shuffle is on." : "Shuffle is off.", null, { quiet: true });
  }

  /** Off, the list, the track, and off again. */
  repeat() {
    const { queued, connect, say } = this.#page;
    if ($("repeat").disabled) return;
    connect.order({ repeat: { off: "context", context: "track", track: "off" }[queued.repeat] });
    say(REPEATS[queued.repeat], null, { quiet: true });
  }

  #order() {
    const { shuffle, repeat } = this.#page.queued;
    $("shuffle").setAttribute("aria-pressed", String(shuffle));
    $("repeat").setAttribute("aria-pressed", String(repeat !== "off"));
    $("repeat").classList.toggle("one", repeat === "track");
    $("repeat").setAttribute("aria-label", REPEATS[repeat]);
    $("repeat").title = `${REPEATS[repeat]} (R)`;
  }

  /** Louder or softer by `step`, of 1. */
  volumeBy(step) {
    $("volume").value = String(Math.max(0, Math.min(1, Number($("volume").value) + step)));
    this.#setVolume();
  }

  #setVolume() {
    const { value } = $("volume");
    this.#player.volume = Number(value);
    $("volume").setAttribute("aria-valuetext", `${Math.round(value * 100)} percent`);
    localStorage.setItem(VOLUME, value);
  }

  /** The heart: is what plays in one's library? */
  #keep() {
    const { person, saved } = this.#page;
    const heart = $("keep");
    if (!person) return;
    const show = () => {
      const { track } = this.#player;
      const on = Boolean(track) && saved.has("track", track.id);
      heart.hidden = !track;
      heart.setAttribute("aria-pressed", String(on));
      heart.setAttribute("aria-label", on ? "Remove from library" : "Save to library");
      heart.title = heart.getAttribute("aria-label");
    };
    heart.addEventListener("click", () => {
      const { track } = this.#player;
      this.#page.attempt(() => saved.set("track", track, !saved.has("track", track.id)));
    });
    saved.addEventListener("change", show);
    this.showKept = show;
    show();
  }

  #refresh() {
    const player = this.#player;
    if (player.track !== this.#shown) this.#begin((this.#shown = player.track));
    const facts = player.facts();
    this.#waveform.move(player.positionS, player.positionS + facts.aheadS);
    this.#delivery(facts);
    this.#transport();
    this.#media.position();
    markCurrent(player.track, player.playing);
  }

  #begin(track) {
    this.#page.clear();
    for (const id of ["toggle", "next", "previous"]) $(id).disabled = false;
    const title = track.album?.id ? el("a", { href: `#/album/${track.album.id}` }, track.name) : track.name;
    $("now-title").replaceChildren(title);
    const names = track.artists ?? [];
    $("now-artist").replaceChildren(
      ...(names.length ? names.flatMap((it, at) => [at ? ", " : "", it.id ? el("a", { href: `#/artist/${it.id}` }, it.name) : it.name]) : [artistsOf(track)]),
    );
    showCover($("now-cover"), track, 128);
    this.#waveform.reset(track.duration_ms / 1000);
    this.#media.track(track, artistsOf(track), coverUrl(track, 300));
    // The marker of the list and the heart follow; who reads the screen hears what is on.
    this.#page.say(`${track.name} by ${artistsOf(track)}`, null, { quiet: true });
    this.showKept?.();
    if (this.#page.person) this.#page.saved.learn("track", [track.id]).then(() => this.showKept()).catch(() => {});
  }

  #transport() {
    const { playing, busy, track, positionS, durationS } = this.#player;
    const toggle = $("toggle");
    // In a session the queue is everybody's.
    for (const id of ["shuffle", "repeat"]) $(id).disabled = !track || this.#page.inSession();
    toggle.classList.toggle("is-playing", playing);
    toggle.classList.toggle("is-busy", busy);
    toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
    $("elapsed").textContent = clock(positionS);
    $("total").textContent = clock(durationS);
    document.title = track && playing ? `${track.name} – ${artistsOf(track)}` : "Segue";
  }

  #delivery(facts) {
    $("delivery").dataset.kbps = String(facts.kbps);
    $("rendition").textContent = facts.kbps ? `${facts.codec.toUpperCase()} ${facts.kbps} kbit/s` : "–";
    $("ahead").textContent = facts.kbps ? `${Math.round(facts.aheadS)} s` : "–";
    $("estimate").textContent = facts.kbps ? speed(facts.estimateBps) : "–";
    $("level").textContent = facts.kbps ? decibels(facts.gainDb) : "–";
    $("cache").textContent = facts.cache ? `${facts.cache} · ${facts.hits} of ${facts.requests} from cache` : "–";
  }

  async #waves(grant) {
    if (!grant?.waveform_url) return;
    for (const address of addressesOf(grant, grant.waveform_url) ?? []) {
      try {
        const answer = await fetch(address);
        if (answer.ok && this.#player.grant === grant) this.#waveform.peaks = peaksOf(await answer.json());
        if (answer.ok) return;
      } catch {
        // The next edge; and if none has it, the plain bar stays: it is a picture, not a need.
      }
    }
  }
}
