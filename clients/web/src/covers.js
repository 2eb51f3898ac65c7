// Cover art, or a quiet picture in its place.

import { hueOf } from "./format.js";

/** Show the cover nearest to `side` pixels in `frame`; a colour of its own when there is none. */
export function showCover(frame, thing, side) {
  frame.replaceChildren();
  const name = thing.name ?? thing.display_name ?? "";
  frame.style.setProperty("--hue", String(hueOf(`${thing.album?.name ?? ""}${thing.artists?.[0]?.name ?? name}`)));
  const url = coverUrl(thing, side);
  if (!url) return;
  const picture = document.createElement("img");
  picture.alt = "";
  picture.decoding = "async";
  picture.loading = "lazy";
  picture.addEventListener("error", () => picture.remove());
  picture.src = url;
  frame.append(picture);
}

/** The smallest picture that is at least `side` wide, as an http(s) address; null without any. */
export function coverUrl(thing, side) {
  const known = thing.album?.images ?? thing.images ?? [];
  const images = [...known].sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
  const image = images.find((i) => (i.width ?? 0) >= side) ?? images.at(-1);
  if (!image?.url) return null;
  const url = new URL(image.url, location.origin);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

export function artistsOf(thing) {
  return (thing.artists ?? []).map((artist) => artist.name).join(", ") || "Unknown artist";
}
