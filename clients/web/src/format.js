// Numbers as people read them.

/** 75.4 s is "1:15"; an hour and more is "1:02:03". */
export function clock(seconds) {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 8123456 bits/s is "8.1 Mbit/s". */
export function speed(bps) {
  if (!bps) return "–";
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

/** -3.21 dB is "−3.2 dB". */
export function decibels(db) {
  const tenths = Math.round(db * 10) / 10;
  return `${tenths < 0 ? "−" : tenths > 0 ? "+" : ""}${Math.abs(tenths).toFixed(1)} dB`;
}

/** A hue for a name, always the same one. */
export function hueOf(text) {
  let hash = 7;
  for (const char of text) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return hash;
}

/** How long ago an instant was, roughly: "just now", "5 min ago", "3 h ago", "2 days ago". */
export function ago(instant, now = Date.now()) {
  const minutes = Math.floor((now - Date.parse(instant)) / 60_000);
  if (!(minutes >= 1)) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "yesterday" : `${days} days ago`;
}
