"""What `ts-ipc fsck` and `ts-ipc doctor` found, in lines that a terminal of 80 columns shows whole."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from tsipc_client.render.amounts import plural, size
from tsipc_client.render.style import Span, Style, Tone, line
from tsipc_client.wire.text import visible

_LABEL_COLUMNS = 14
_NARROWEST = 40


class Finding(Protocol):
    """What one check of `doctor` found."""

    @property
    def check(self) -> str:
        """What it is about."""

    @property
    def verdict(self) -> str:
        """`ok`, `skipped`, `warn` or `bad`."""

    @property
    def seen(self) -> str:
        """What was seen."""

    @property
    def advice(self) -> str:
        """What to do."""


def journal(document: dict[str, Any], style: Style) -> Iterator[str]:
    """The report of `fsck`."""
    yield _verdict(document, style)
    yield from _entry("Folder:", document["journal"], style)
    if document["damage"] is not None:
        yield from _damage(document["damage"], style)
        yield from _entry("Before it:", _kept(document), style)
        yield from _entry("Behind it:", _lost(document), style)
    elif document["verdict"] != "empty":
        yield from _entry("Holds:", _kept(document), style)
    if document["torn_bytes"]:
        torn = f"{size(document['torn_bytes'])} of an interrupted write at the end; never acknowledged"
        yield from _entry("Unfinished:", f"{torn}. The next start cuts it off", style)
    if document["copy"]:
        yield from _entry("Cut off:", _lost(document), style)
        yield from _entry("Copy:", f"{document['copy']}: all as it was before", style)
    for leftover in document["leftovers"]:
        if leftover["path"] != document["copy"]:
            yield from _entry("Beside it:", _leftover(leftover), style)
    for text in _advice(document):
        yield from _entry("What to do:", text, style, Tone.BOLD)


def checkup(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """The report of `doctor`: a line for each finding, its advice below it, and the sum."""
    for finding in findings:
        tone = _VERDICT_TONES[finding.verdict]
        head = f"{finding.verdict:<8}{finding.check:<15}"
        first, *rest = wrapped(style, head, finding.seen)
        # Coloured here, where it cannot be in the way of measuring.
        word = line(style.uncut, (finding.verdict, tone))
        yield word + first[len(finding.verdict) :]
        yield from rest
        if finding.advice:
            yield from wrapped(style, f"{'':8}{'':12}-> ", finding.advice, tone=Tone.BOLD)
    counts = {word: sum(finding.verdict == word for finding in findings) for word in ("bad", "warn")}
    if counts["bad"]:
        yield line(style, (f"{plural(counts['bad'], 'thing')} to mend", Tone.RED), _warned(counts["warn"]))
    else:
        yield line(style, ("nothing is bad", Tone.GREEN), _warned(counts["warn"]))


def _warned(count: int) -> str:
    return f", {plural(count, 'warning')}" if count else ""


_VERDICT_TONES = {"ok": Tone.GREEN, "skipped": Tone.DIM, "warn": Tone.YELLOW, "bad": Tone.RED}


def wrapped(style: Style, first: str, text: str, *, tone: Tone | None = None) -> Iterator[str]:
    """`text` behind `first`, broken between words at the style's width, indented below itself."""
    # A word that is longer, a path mostly, stays whole: it can be copied then.
    width = max(style.width or 10**6, _NARROWEST)
    pieces = textwrap.wrap(
        visible(text), width - len(first), break_long_words=False, break_on_hyphens=False
    ) or [""]
    for number, piece in enumerate(pieces):
        head = first if number == 0 else " " * len(first)
        span: Span = (piece, tone) if tone else piece
        yield line(style.uncut, head, span)


def _entry(label: str, text: str, style: Style, tone: Tone | None = None) -> Iterator[str]:
    return wrapped(style, f"  {label:<{_LABEL_COLUMNS - 2}}", text, tone=tone)


def _verdict(document: dict[str, Any], style: Style) -> str:
    match document["verdict"]:
        case "whole" if document["copy"]:
            return line(style, ("●", Tone.GREEN), " the journal is whole again")
        case "whole":
            return line(style, ("●", Tone.GREEN), " the journal is whole")
        case "empty":
            return line(style, ("●", Tone.GREEN), " there is nothing in the journal yet")
        case "newer":
            return line(style, ("●", Tone.YELLOW), " the journal was written by a newer ts-ipc")
        case _:
            return line(style, ("●", Tone.RED), " the journal is damaged: no daemon starts on it")


def _damage(damage: dict[str, Any], style: Style) -> Iterator[str]:
    if damage["file"]:
        record = f", record {damage['record']}" if damage["record"] else ""
        yield from _entry("Where:", f"{damage['file']}, byte {damage['offset']}{record}", style)
    yield from _entry("What:", damage["reason"], style)


def _kept(document: dict[str, Any]) -> str:
    if not document["records"]:
        return "nothing"
    parts = [f"{plural(document['records'], 'record')}, the last is number {document['last_record']}"]
    if document["messages"]:
        parts.append(f"{plural(document['messages'], 'message')}, {document['waiting']} not ended")
    if document["in_doubt"]:
        parts.append(f"{document['in_doubt']} in doubt")
    return "; ".join(parts)


def _lost(document: dict[str, Any]) -> str:
    if not document["lost_bytes"]:
        return "nothing"
    records = document["lost_records"]
    seen = f"{plural(records, 'record')} that could be read" if records else "no record that could be read"
    return f"{seen}, {size(document['lost_bytes'])} in all"


def _leftover(leftover: dict[str, Any]) -> str:
    ending = "; delete it when you like" if leftover["deletable"] else ""
    return f"{leftover['path']} ({size(leftover['size_bytes'])}): {leftover['what']}{ending}"


def _advice(document: dict[str, Any]) -> Iterator[str]:
    damage = document["damage"]
    if damage is None:
        return
    if document["verdict"] == "newer":
        yield "upgrade ts-ipc; nothing was changed"
    elif damage["salvageable"]:
        yield (
            "put a backup of the state folder back; or: ts-ipc fsck --salvage keeps what is before it, "
            "after it has copied all aside"
        )
    elif damage["file"]:
        yield (
            "put a backup of the state folder back. What a snapshot stands for is nowhere else, so there is "
            "nothing to salvage here. Or begin anew: move the folder away; workflows, subscriptions and "
            "settings are not in it, and queue/ beside it shows what was waiting"
        )
    else:
        yield "see to the folder"
