"""Words for tmux's command parser and its formats. Pure text; knows no command's meaning and talks to nobody.

tmux parses a control line once, and a nested one (`if-shell`, hooks) again for each level; formats are
expanded after that. A text passes each level unharmed only if it was quoted for each.
"""

from __future__ import annotations

import re

PLAIN = re.compile(r"[A-Za-z0-9_@%:./+=-]+")
"""Words that the parser takes as they are, except for these two."""

DIRECTIVE = re.compile(r"%[A-Za-z]")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")

# In single quotes every byte stands for itself. The quote itself, and what would end the line or be eaten by
# the parser (controls), go in double quotes, where octal escapes are read.
_AWKWARD = re.compile(r"['\x00-\x1f\x7f]+")


def word(text: str) -> str:
    """One argument of a command, exactly `text` after one parse. Raises `ValueError` for NUL."""
    if PLAIN.fullmatch(text) and not DIRECTIVE.match(text) and not ASSIGNMENT.match(text):
        return text
    if "\0" in text:
        raise ValueError("a tmux argument cannot hold a NUL")
    parts: list[str] = []
    at = 0
    for match in _AWKWARD.finditer(text):
        if match.start() > at:
            parts.append(f"'{text[at : match.start()]}'")
        parts.append('"' + "".join(_escaped(char) for char in match.group()) + '"')
        at = match.end()
    if at < len(text) or not parts:
        parts.append(f"'{text[at:]}'")
    return "".join(parts)


def _escaped(char: str) -> str:
    return char if char == "'" else f"\\{ord(char):03o}"


def command(name: str, *arguments: str) -> str:
    """One command with its arguments, each quoted."""
    return " ".join((name, *map(word, arguments)))


def sequence(*commands: str) -> str:
    """Commands that run in order without another client's in between; a failing one skips the rest."""
    return " ; ".join(commands)


def when(condition: str, then: str, otherwise: str | None = None, *, target: str | None = None) -> str:
    """Run the sequence `then` if the format `condition` (expanded for `target`) is neither empty nor 0."""
    arguments = ["-F"]
    if target is not None:
        arguments += ["-t", target]
    arguments += [condition, then]
    if otherwise is not None:
        arguments.append(otherwise)
    return command("if-shell", *arguments)


def as_format(text: str) -> str:
    """A format that expands to `text`. Not inside `#{...}`, and not where tmux puts in dates (`%H`)."""
    # `#[` is left for whoever draws it, and so is `##[` from 3.2 on.
    return re.sub(r"#(?!\[)", "##", text)


def both(*conditions: str) -> str:
    """A format that is 1 if all `conditions` (formats) hold."""
    joined = conditions[0]
    for condition in conditions[1:]:
        # Two operands each: the only form of `&&` that every version has.
        joined = f"#{{&&:{joined},{condition}}}"
    return joined


def equal(left: str, right: str) -> str:
    """A format that is 1 if two formats expand to the same text."""
    return f"#{{==:{left},{right}}}"
