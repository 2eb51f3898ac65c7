// The listener's devices: which one plays, and going on on another.

import { artistsOf } from "./covers.js";
import { button, el } from "./dom.js";

/** The view of `#/devices`. */
export function devices(page) {
  return async (_, signal) => {
    const list = el("ul", { className: "links devices" });
    const now = el("p", { className: "quiet", "aria-live": "polite" });
    const show = async () => {
      const found = await page.api.devices();
      if (signal.aborted) return;
      const { state } = page.connect;
      now.textContent = state?.item && state.is_playing ? `${state.item.name} by ${artistsOf(state.item)} plays on ${called(page, state.device)}.` : "Nothing plays on any of them.";
      list.replaceChildren(...found.map((it) => row(page, it)));
    };
    page.connect.addEventListener("change", () => page.attempt(show), { signal });
    await show();
    return [
      el("h2", {}, "Devices"),
      now,
      list,
      el("p", { className: "quiet" }, "Wherever you are signed in and the player is open, the music can go on from where it is."),
    ];
  };
}

const called = (page, device) => (device.id === page.connect.id ? "this device" : device.name);

function row(page, device) {
  const here = device.id === page.connect.id;
  const { elsewhere, state } = page.connect;
  const controls = elsewhere?.id === device.id
    ? [button("Pause", () => page.attempt(() => page.api.remote("pause")), { className: "plain" }), button("Next", () => page.attempt(() => page.api.remote("next")), { className: "plain" })]
    : [];
  const movable = state?.item && !device.is_active;
  return el(
    "li",
    {},
    el("span", { className: "names" }, el("span", { className: "title" }, device.name), el("span", { className: "quiet" }, here ? "This device" : device.type)),
    device.is_active && el("span", { className: "state" + (state?.is_playing ? " on" : "") }, state?.is_playing ? "Plays" : "Stands still"),
    controls,
    movable && button(here ? "Go on here" : "Go on there", () => page.attempt(() => page.api.transfer(device.id)), { className: "plain" }),
  );
}
