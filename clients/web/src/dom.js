// Elements in one expression. What is given as text stays text.

const SVG = "http://www.w3.org/2000/svg";

/** `el("li", { className: "x", onclick: f, "aria-label": "y" }, "text", child, …)`; nothing for null and false. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "className") made.className = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((it) => it !== null && it !== undefined && it !== false));
  return made;
}

/** A button that says `words` and does `work`. */
export function button(words, work, attributes = {}) {
  return el("button", { type: "button", onclick: work, ...attributes }, words);
}

/** One of the pictures that index.html defines. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  picture.append(use);
  return picture;
}

/** A button that shows a picture and is called `label`. */
export function iconButton(name, label, work, attributes = {}) {
  return button(icon(name), work, { className: "icon", "aria-label": label, title: label, ...attributes });
}
