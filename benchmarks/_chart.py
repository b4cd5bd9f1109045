"""Draw seconds over rows, both logarithmic, as SVG."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 70, 50, 20, 190
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def write_chart(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one line per key of ``rows`` but ``rows`` itself, which is the abscissa."""
    names = [name for name in rows[0] if name != "rows"]
    values = [row[name] for row in rows for name in names]
    xs = _Scale([row["rows"] for row in rows], LEFT, WIDTH - RIGHT)
    ys = _Scale(values, HEIGHT - BOTTOM, TOP)
    parts = [*_grid(xs, ys)]
    for colour, name in zip(COLOURS, names, strict=False):
        points = [(xs.place(row["rows"]), ys.place(row[name])) for row in rows]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    parts += _legend(names)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    drawing = "\n".join([background, *parts])
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{drawing}\n</svg>\n')


class _Scale:
    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = floor(log10(min(values))), ceil(log10(max(values)))
        self._start, self._end = start, end

    @property
    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]

    def place(self, value: float) -> float:
        share = (log10(value) - self.low) / (self.high - self.low)
        return self._start + share * (self._end - self._start)


def _grid(xs: _Scale, ys: _Scale) -> list[str]:
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in xs.decades:
        x = xs.place(value)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:,.0f}</text>')
    for value in ys.decades:
        y = ys.place(value)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g} s</text>')
    parts.append(f'<text x="{(left + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">rows</text>')
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        x, y = WIDTH - RIGHT + 16, TOP + 16 + 20 * number
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{y}">{name}</text>')
    return parts
