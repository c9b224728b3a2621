"""The kept results as pictures: bars for the medians, a line up to the p99. Same rows, same SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tests.bench import report
from tests.bench.samples import Row

WIDTH, LABELS, BARS, LINE, BAR, TOP = 960, 470, 400, 26, 14, 52

LETTERS = 70
"""That fit beside the bars."""

STYLE = """\
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:15px}.said{fill:#57606a}
.other{fill:#8c959f}.ours{fill:#0969da}.p99{stroke:#57606a;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.said{fill:#9198a1}.other{fill:#6e7681}.ours{fill:#4493f8}
.p99{stroke:#9198a1}}"""
"""Without a background, so that it stands on the page's own, light or dark."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture: the rows of a part that have this unit."""

    part: str
    unit: str
    title: str
    said: str
    only: tuple[str, ...] = ()
    """Names of rows; none: all of them."""


STARTS = (
    "`python -c pass`",
    "`ts-ipc send bench bench-one : command`",
    "`ts-ipc publish bench deployment v1.2.3`",
    "`ts-ipc queue`",
    "`ts-ipc sessions`",
    "`ts-ipc --help`",
    "`python -c pass`, every core busy",
    "`ts-ipc send bench bench-one : command`, every core busy",
)
"""Of all commands those that tell something."""

CHARTS: dict[str, Chart] = {
    "bench-starting.svg": Chart(
        "starting", "ms", "A command, from its process's start to its exit", "ms; less is better", STARTS
    ),
    "bench-hand-off.svg": Chart(
        "others", "ms", "A command handed over, until it has run", "ms; less is better"
    ),
    "bench-durable.svg": Chart("durable", "ms", "One message made durable", "ms; less is better"),
    "bench-pipelined.svg": Chart(
        "durable", "/s", "Durable messages on one connection", "a second; more is better"
    ),
    "bench-fan-out.svg": Chart("publish", "ms", "One event to all who subscribed", "ms; less is better"),
    "bench-recovery.svg": Chart("recovering", "ms", "Serving again after SIGKILL", "ms; less is better"),
}

OTHERS = ("append", "a plain", "`python", "redis", "one `tmux", "libtmux", "`tsp`", "`nq`")
"""How the names begin of what is not ours."""


def pictures(rows: Sequence[Row]) -> dict[str, str]:
    """File name -> SVG, of each chart that there are rows for."""
    return {name: _draw(chart, shown) for name, chart in CHARTS.items() if (shown := _rows(chart, rows))}


def _rows(chart: Chart, rows: Sequence[Row]) -> list[Row]:
    return [
        row
        for row in rows
        if row.part == chart.part
        and row.unit == chart.unit
        and row.runs
        and (not chart.only or row.name in chart.only)
    ]


def _draw(chart: Chart, rows: Sequence[Row]) -> str:
    height = TOP + LINE * len(rows) + 8
    most = max(max(row.value, row.p99 or 0) for row in rows) or 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(chart.title)}</title><style>{STYLE}</style>",
        f'<text class="title" x="8" y="20">{escape(chart.title)}</text>',
        f'<text class="said" x="8" y="38">{escape(_legend(chart, rows))}</text>',
    ]
    for number, row in enumerate(rows):
        lines += _bar(row, TOP + LINE * number, BARS / most)
    return "\n".join((*lines, "</svg>\n"))


def _legend(chart: Chart, rows: Sequence[Row]) -> str:
    line = "; the line reaches to the p99" if any(row.p99 for row in rows) else ""
    return f"{chart.said}{line}"


def _bar(row: Row, top: int, scale: float) -> list[str]:
    kind = "other" if row.name.startswith(OTHERS) else "ours"
    middle = top + LINE / 2
    length = row.value * scale
    end = max(length, (row.p99 or 0) * scale)
    lines = [
        f'<text x="{LABELS - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(_short(row.name))}</text>',
        f'<rect class="{kind}" x="{LABELS}" y="{middle - BAR / 2:.1f}" width="{length:.1f}" height="{BAR}"/>',
    ]
    if row.p99:
        lines.append(
            f'<line class="p99" x1="{LABELS + length:.1f}" x2="{LABELS + end:.1f}" y1="{middle:.1f}" '
            f'y2="{middle:.1f}"/>'
        )
    value = report.number(row.value)
    lines.append(f'<text class="said" x="{LABELS + end + 6:.1f}" y="{middle + 4:.1f}">{value}</text>')
    return lines


def _short(name: str) -> str:
    plain = name.replace("`", "")
    return plain if len(plain) <= LETTERS else f"{plain[: LETTERS - 1]}…"
