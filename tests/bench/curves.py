"""The measured curves as tables, JSON and pictures with logarithmic axes. Pure; same points, same SVG."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape

from tests.bench import report
from tests.bench.scaling import CURVES, MEMORY, UNITS, Point

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 400, 64, 340, 52, 44
APART = 16
"""Between two names at the right, from line to line."""
COLORS = ("#0969da", "#bf8700", "#1a7f37", "#cf222e", "#8250df", "#bc4c00", "#6e7781", "#1b7c83")
"""That can be seen on white and on black."""

STYLE = """\
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:15px}.said{fill:#57606a}
.grid{stroke:#8c959f;stroke-opacity:.3}polyline{fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.said{fill:#9198a1}}"""

BEGIN = "<!-- measured at scale: a script writes what is between these lines -->"
END = "<!-- end of measured at scale -->"

Curves = Mapping[str, Sequence[Point]]
Lines = Mapping[str, Sequence[tuple[int, float]]]


def document(curves: Curves, machine: Mapping[str, str]) -> str:
    """The points as they are kept beside the benchmarks."""
    kept = {name: [asdict(point) for point in points] for name, points in curves.items()}
    return json.dumps({"machine": machine, "curves": kept}, indent=2) + "\n"


def read(text: str) -> tuple[dict[str, list[Point]], dict[str, str]]:
    """What `document` wrote."""
    kept = json.loads(text)
    return {name: [Point(**point) for point in points] for name, points in kept["curves"].items()}, kept[
        "machine"
    ]


def page(curves: Curves, machine: Mapping[str, str]) -> str:
    """A table and a picture of each curve, what they leave out, and the machine."""
    parts = []
    for name, points in curves.items():
        curve = CURVES[name]
        title = curve.of.capitalize()
        parts.append(f"### {title}\n")
        parts.append(f"![Lines: times in milliseconds over the number of {curve.of}](images/{_file(name)})\n")
        parts.append(_table(curve.of, points))
        parts.append(f"{title}: {curve.note}.\n")
    where = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join((*parts, f"{where}\n"))


def _table(of: str, points: Sequence[Point]) -> str:
    """A line of Markdown for each value, a column for each number of them."""
    names = list(dict.fromkeys(name for point in points for name in point.values))
    lines = [
        f"| {of} | {' | '.join(f'{point.at:,}' for point in points)} |",
        f"|---|{'---:|' * len(points)}",
        *(f"| {name}, {_unit(name)} | {' | '.join(_values(name, points))} |" for name in names),
    ]
    lines += [
        f"\n{point.at:,} {of}: not on this machine, {point.skipped}." for point in points if point.skipped
    ]
    return "\n".join(lines) + "\n"


def _values(name: str, points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        yield report.number(point.values[name]) if name in point.values else ""


def _unit(name: str) -> str:
    return UNITS.get(name, "ms")


def pictures(curves: Curves) -> dict[str, str]:
    """File name -> SVG: the times of each curve, and the memory of all of them."""
    drawn = {
        _file(name): _draw(
            f"Times over the number of {CURVES[name].of}", f"ms over {CURVES[name].of}", _times(points)
        )
        for name, points in curves.items()
    }
    memory = {CURVES[name].of: _line(points, MEMORY) for name, points in curves.items()}
    return {**drawn, "scale-memory.svg": _draw("Memory of the daemon", "MiB over how many there are", memory)}


def _file(name: str) -> str:
    return f"scale-{name}.svg"


def _times(points: Sequence[Point]) -> Lines:
    names = dict.fromkeys(name for point in points for name in point.values if name not in UNITS)
    return {name: _line(points, name) for name in names}


def _line(points: Sequence[Point], name: str) -> list[tuple[int, float]]:
    return [(point.at, point.values[name]) for point in points if name in point.values]


def _draw(title: str, said: str, lines: Lines) -> str:
    ats = [at for line in lines.values() for at, _ in line] or [1]
    values = [value for line in lines.values() for _, value in line] or [1.0]
    across = _Axis(ats, LEFT, WIDTH - RIGHT)
    up = _Axis(values, HEIGHT - BOTTOM, TOP + 10)
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="said" x="8" y="38">{escape(said)}; both axes are logarithmic</text>',
    ]
    for value, y in up.decades():
        shapes += [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="said" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>',
        ]
    for value, x in across.decades():
        shapes.append(
            f'<text class="said" x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
            f"{value:,g}</text>"
        )
    ends = [(up.place(line[-1][1]) if line else TOP, name) for name, line in lines.items()]
    beside = _apart(ends)
    for (name, line), color in zip(lines.items(), COLORS, strict=False):
        path = " ".join(f"{across.place(at):.1f},{up.place(value):.1f}" for at, value in line)
        shapes.append(f'<polyline points="{path}" stroke="{color}"/>')
        shapes += [
            f'<circle cx="{across.place(at):.1f}" cy="{up.place(value):.1f}" r="3" fill="{color}"/>'
            for at, value in line
        ]
        shapes.append(
            f'<text x="{WIDTH - RIGHT + 12}" y="{beside[name] + 4:.1f}" style="fill:{color}">'
            f"{escape(name.replace('`', ''))}</text>"
        )
    return "\n".join((*shapes, "</svg>\n"))


class _Axis:
    """Whole decades around some values, from one place to another."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(math.ceil(math.log10(max(values))), self._low + 1)
        self._first, self._last = first, last

    def place(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._first + share * (self._last - self._first)

    def decades(self) -> Iterator[tuple[float, float]]:
        for power in range(self._low, self._high + 1):
            yield 10.0**power, self.place(10.0**power)


def _apart(ends: Sequence[tuple[float, str]]) -> dict[str, float]:
    """Where each name stands: beside the end of its line, or below the name above it."""
    places: dict[str, float] = {}
    at = 0.0
    for end, name in sorted(ends):
        at = max(end, at + APART)
        places[name] = at
    over = at - (HEIGHT - 8)
    return {name: place - max(over, 0.0) for name, place in places.items()}
