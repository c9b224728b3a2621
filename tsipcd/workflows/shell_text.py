"""A command with variables in the place of its `${{ expression }}`: no value ever becomes a part of its text.

The shell expands a variable, and does not read what it holds as text of its own. Each stands quoted, so that
it stays one word, in a way that bash, zsh, dash, ksh and fish read alike: `"$TS_X1"` between words, closed
and opened again inside of double quotes. Where a shell would leave the variable as it is, or would calculate
with what it holds, the expression is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from tsipcd.workflows.templates import OPEN, Embedded, embedded, variable

_HEREDOC: Final = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\?[^\s;&|<>()'\"]+))")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./,:=@%+-]+")
_MOVE: Final = "set a variable in env: of the step, and write $NAME"


class Misplaced(ValueError):
    """The expression at offset `at` of a command stands where it would not be replaced as it is meant."""

    def __init__(self, at: int, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint} (at {at})")
        self.at = at
        self.what = what
        self.hint = hint


class _In(Enum):
    """What the lexer is inside of."""

    WORDS = auto()
    QUOTES = auto()
    BRACES = auto()
    """`${...}`"""
    SUM = auto()
    """`$((...))` or `((...))`"""
    TICKS = auto()


@dataclass(slots=True)
class _Heredoc:
    end: str
    strips: bool
    expands: bool


@dataclass(slots=True)
class _Lexer:
    text: str
    expressions: dict[int, tuple[str, Embedded]]
    """By offset, with the variables that stand for them."""
    at: int = 0
    done: int = 0
    """Up to here the text is in `parts`."""
    inside: list[_In] = field(default_factory=lambda: [_In.WORDS])
    heredocs: list[_Heredoc] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)


def shell_text(command: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What to hand to a shell, and the variables in it with the expression that each is to hold.

    Raises `ExpressionError` for one that is not closed, and `Misplaced`.
    """
    if OPEN not in command:
        return command, ()
    found = [(variable(index), one) for index, one in enumerate(embedded(command))]
    lexer = _Lexer(command, {one.start: (name, one) for name, one in found})
    while lexer.at < len(command):
        if lexer.at in lexer.expressions:
            _replace(lexer)
        else:
            _step(lexer)
    lexer.parts.append(command[lexer.done :])
    return "".join(lexer.parts), tuple((name, one.source.strip()) for name, one in found)


def _replace(lexer: _Lexer) -> None:
    match lexer.inside[-1]:
        case _In.WORDS:
            form = '"${}"'
        case _In.QUOTES:
            form = '""${}""'
        case _In.BRACES:
            form = "${{{}}}" if _In.QUOTES in lexer.inside else '"${{{}}}"'
        case _In.SUM:
            raise Misplaced(
                lexer.at, "an expression in a calculation", "a shell would run what it holds; " + _MOVE
            )
        case _In.TICKS:
            raise Misplaced(lexer.at, "an expression inside of backticks", "write $(...) in their place")
    _put(lexer, form)


def _put(lexer: _Lexer, form: str) -> None:
    name, one = lexer.expressions[lexer.at]
    lexer.parts += [lexer.text[lexer.done : one.start], form.format(name)]
    lexer.at = lexer.done = one.end


def _step(lexer: _Lexer) -> None:
    """Go past one character, quoted text, comment or here-document that begins here."""
    text, at, inside = lexer.text, lexer.at, lexer.inside
    within = inside[-1]
    lexer.at += 1
    match text[at]:
        case "\\":
            lexer.at = min(at + 2, len(text))
        case '"' if within is _In.QUOTES:
            inside.pop()
        case '"' if within is not _In.SUM:
            inside.append(_In.QUOTES)
        case "'" if within is _In.WORDS or (within is _In.BRACES and _In.QUOTES not in inside):
            _single_quoted(lexer, escapes=text[at - 1 : at] == "$")
        case "`":
            _tick(inside)
        case "$" if text.startswith("$((", at):
            inside.append(_In.SUM)
            lexer.at = at + 3
        case "$" if text.startswith("$(", at):
            inside.append(_In.WORDS)
            lexer.at = at + 2
        case "$" if text.startswith("${", at):
            inside.append(_In.BRACES)
            lexer.at = at + 2
        case "(" if within is _In.WORDS:
            inside.append(_In.SUM if text.startswith("((", at) else _In.WORDS)
            lexer.at = at + 2 if inside[-1] is _In.SUM else at + 1
        case ")" if within is _In.SUM:
            if text.startswith("))", at):
                inside.pop()
                lexer.at = at + 2
        case ")" if within is _In.WORDS and len(inside) > 1:
            inside.pop()
        case "}" if within is _In.BRACES:
            inside.pop()
        case "#" if within is _In.WORDS and (not at or text[at - 1] in " \t\n;&|("):
            _comment(lexer)
        case "<" if within is _In.WORDS:
            _heredoc(lexer, at)
        case "\n" if within is _In.WORDS and lexer.heredocs:
            _heredoc_bodies(lexer)
        case _ if (plain := _PLAIN.match(text, at)) and within is not _In.SUM:
            lexer.at = plain.end()
        case _:
            pass


def _tick(inside: list[_In]) -> None:
    if _In.TICKS in inside:
        while inside.pop() is not _In.TICKS:
            pass
    else:
        inside.append(_In.TICKS)


def _single_quoted(lexer: _Lexer, *, escapes: bool) -> None:
    at, text = lexer.at, lexer.text
    while at < len(text) and text[at] != "'":
        if at in lexer.expressions:
            raise Misplaced(
                at, "an expression inside of single quotes is text", "use double quotes, or " + _MOVE
            )
        at += 2 if escapes and text[at] == "\\" else 1
    lexer.at = at + 1


def _comment(lexer: _Lexer) -> None:
    end = lexer.text.find("\n", lexer.at)
    lexer.at = len(lexer.text) if end < 0 else end


def _heredoc(lexer: _Lexer, at: int) -> None:
    if lexer.text.startswith("<<<", at):
        lexer.at = at + 3
    elif found := _HEREDOC.match(lexer.text, at):
        quoted = found[2] or found[3]
        bare = found[4] or ""
        lexer.heredocs.append(
            _Heredoc(
                quoted or bare.removeprefix("\\"), bool(found[1]), expands=not (quoted or bare[:1] == "\\")
            )
        )
        lexer.at = found.end()


def _heredoc_bodies(lexer: _Lexer) -> None:
    text = lexer.text
    for heredoc in lexer.heredocs:
        while lexer.at < len(text):
            end = text.find("\n", lexer.at)
            end = len(text) if end < 0 else end
            line = text[lexer.at : end]
            if (line.lstrip("\t") if heredoc.strips else line) == heredoc.end:
                lexer.at = min(end + 1, len(text))
                break
            _heredoc_line(lexer, heredoc)
    lexer.heredocs.clear()


def _heredoc_line(lexer: _Lexer, heredoc: _Heredoc) -> None:
    text = lexer.text
    while lexer.at < len(text):
        if lexer.at in lexer.expressions:
            if not heredoc.expands:
                raise Misplaced(
                    lexer.at, f"an expression in a here-document with {heredoc.end} in quotes is text",
                    f"write <<{heredoc.end}",
                )  # fmt: skip
            _put(lexer, "${{{}}}")
        elif text[lexer.at] == "\\" and text[lexer.at + 1 : lexer.at + 2] != "\n":
            lexer.at = min(lexer.at + 2, len(text))
        else:
            lexer.at += 1
            if text[lexer.at - 1] == "\n":
                return
