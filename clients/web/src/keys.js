// Keyboard shortcuts that leave buttons, sliders and the browser's own keys alone.

export function onKeys(target, { toggle, next, previous, seekBy, volumeBy }) {
  target.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const on = event.target;
    if (on instanceof HTMLInputElement && on.type === "search") return;
    const slider = on instanceof HTMLInputElement;
    const button = on instanceof HTMLButtonElement;
    const action = {
      " ": !button && !slider && toggle,
      k: toggle,
      n: next,
      p: previous,
      ArrowRight: !slider && (() => (event.shiftKey ? next() : seekBy(5))),
      ArrowLeft: !slider && (() => (event.shiftKey ? previous() : seekBy(-5))),
      "+": () => volumeBy(0.05),
      "-": () => volumeBy(-0.05),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
