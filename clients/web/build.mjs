// Builds dist/ out of src/ and shaka-player: the same input gives the same bytes.
//
// Everything but index.html goes to dist/assets/ under a name that holds its content's hash, so
// it may be cached for ever; index.html names them and must be revalidated. Modules are hashed
// after the modules they import, whose new names they hold.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");
const SHAKA = "node_modules/shaka-player/dist/shaka-player.dash-es2021.js";
const IMPORT = /(from\s+|import\s+)"\.\/([a-z-]+\.js)"/g;

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, "assets"), { recursive: true });

const named = new Map();

function emit(name, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const dot = name.lastIndexOf(".");
  const hashed = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  writeFileSync(join(dist, "assets", hashed), text);
  named.set(name, hashed);
}

function module(name, path = []) {
  if (named.has(name)) return;
  if (path.includes(name)) throw new Error(`modules import each other: ${[...path, name].join(" → ")}`);
  const text = readFileSync(join(src, name), "utf8");
  for (const [, , imported] of text.matchAll(IMPORT)) module(imported, [...path, name]);
  emit(name, text.replace(IMPORT, (_, words, imported) => `${words}"./${named.get(imported)}"`));
}

// The source map is not shipped, so neither is its address.
const shaka = readFileSync(join(root, SHAKA), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
emit("shaka.js", shaka);
emit("styles.css", readFileSync(join(src, "styles.css"), "utf8"));
emit("icon.svg", readFileSync(join(src, "icon.svg"), "utf8"));
module("app.js");
const unused = readdirSync(src).filter((name) => name.endsWith(".js") && !named.has(name));
if (unused.length) throw new Error(`imported by nothing: ${unused.join(", ")}`);

const page = readFileSync(join(src, "index.html"), "utf8").replace(
  /(src|href)="\.\/([a-z.-]+)"/g,
  (_, attribute, name) => {
    if (!named.has(name)) throw new Error(`index.html names ${name}, which is not built`);
    return `${attribute}="/assets/${named.get(name)}"`;
  },
);
writeFileSync(join(dist, "index.html"), page);
for (const name of [...named.values()].sort()) console.log(`assets/${name}`);
console.log("index.html");
