"""A cover for an album: rings over a gradient, as a PNG written with zlib alone."""

import colorsys
import math
import struct
import zlib

SIDE = 640


def png(hue: int, seed: int, side: int = SIDE) -> bytes:
    """A square picture in the colour `hue` (degrees); the rings' place follows from `seed`."""
    palette = [_colour(hue, n / 255) for n in range(256)]
    x0, y0 = side * (0.2 + (seed * 37 % 60) / 100), side * (0.25 + (seed * 53 % 50) / 100)
    rows: list[bytes] = []
    for y in range(side):
        row = bytearray(b"\0")
        for x in range(side):
            ring = math.sin(math.hypot(x - x0, y - y0) * 22 / side)
            value = 0.30 + 0.42 * (x + y) / (2 * side) + 0.22 * ring * (1 - y / (1.4 * side))
            row += palette[max(0, min(255, int(value * 255)))]
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(b"".join(rows), 6)),
            (b"IEND", b""),
        )
    )


def _colour(hue: int, value: float) -> bytes:
    """Dark and saturated at 0, pale and a little warmer at 1."""
    turned = ((hue + 38 * value) % 360) / 360
    rgb = colorsys.hls_to_rgb(turned, 0.12 + 0.74 * value, 0.62 - 0.2 * value)
    return bytes(round(255 * part) for part in rgb)
