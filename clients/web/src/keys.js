// Keyboard shortcuts that leave buttons, sliders and the browser's own keys alone.

export function onKeys(target, { toggle, next, previous, seekBy, volumeBy, search, shuffle, repeat }) {
  target.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const on = event.target;
    const slider = on instanceof HTMLInputElement && on.type === "range";
    if (on.closest?.("input:not([type=range], [type=checkbox]), select, textarea, [role=menu]")) return;
    const button = on.closest?.("button, a, [type=checkbox]");
    const action = {
      " ": !button && !slider && toggle,
      k: toggle,
      n: next,
      p: previous,
      ArrowRight: !slider && (() => (event.shiftKey ? next() : seekBy(5))),
      ArrowLeft: !slider && (() => (event.shiftKey ? previous() : seekBy(-5))),
      "/": search,
      s: shuffle,
      r: repeat,
      "+": () => volumeBy(0.05),
      "-": () => volumeBy(-0.05),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
