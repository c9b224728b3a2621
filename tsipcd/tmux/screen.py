r"""What a pane's screen says about the line somebody may be typing. Pure text; asks nobody, decides nothing.

The line before the cursor is a prompt, or a prompt and more. Nothing marks where a prompt ends, so:

1. A prompt that was seen empty before in this pane is known. The same again is empty; more is half typed.
2. A line that ends with what prompts end with (`$`, `#`, `>`, ...) is an empty prompt, unless such an end
   stands earlier in it (`~$ echo 5 >`), or it is a continuation prompt (`dquote> `, a `> ` below a command)
   or a search (`bck-i-search: `).
3. A line with such an end inside and text after it is half typed.
4. Anything else cannot be known: a prompt without such an end, or one with text behind it.

Text right of the cursor is typed too, unless it is a prompt's right side (ends at the screen's edge) or a
suggestion (drawn dim or grey).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

ANGLES = "\u276f\u2771\xbb\u203a\u27e9\u27eb\u25b6\u25b8\u27a4"
"""Signs that look like `>`."""

ENDS = f"$#%>:{ANGLES}\u279c\u2192\u21d2\u03bb\u2717\u2714"
"""What prompts end with; behind the angles: arrows, a lambda, marks for the state of a repository."""

POWERLINE = re.compile("[\ue0a0-\ue0d4]$")
"""Private characters of patched fonts: the tails of drawn prompts."""

# A shell's prompt with text behind it. A digit before `%` is a battery's charge or a progress.
# Some prompts begin with a lambda or an arrow and go on.
_PROMPT_AND_TEXT = re.compile(rf"(?:[$#>{ANGLES}]|(?<!\d)%|(?<=\S )[\u03bb\u279c]) +\S")
_SHELL_PROMPT_AND_TEXT = re.compile(r"(?:[$#]|(?<!\d)%) +\S")

# The begin of a comment behind the prompt `> `, or a prompt of that shape.
_ANGLE_AND_END = re.compile(rf"(?:^|\s)[>{ANGLES}] +[#$%]$")

# A prompt, several times.
_PROMPTS = re.compile(rf"([{ENDS}] ?|[^ ].*?[{ENDS}] ?)\1+")

# Prompts without a usable end that many people have: `➜  folder git:(main) `.
_KNOWN_SHAPES = re.compile(r"➜ +\S+( git:\(\S*\))?( ✗)? *")

_SEARCH = re.compile(r"^\(?(?:failed )?(?:reverse-)?(?:i-search|bck-i-search|fwd-i-search)\b.*|^search: .*")
_ZSH_MORE = re.compile(
    r"(?:(?:d?quote|b?quote|heredocd?|cmdsubst|mathsubst|braceparam|subsh|cursh|array|for|foreach|while|until|"
    r"repeat|select|if|then|else|elif|case|function|cmdand|cmdor|pipe|errpipe|cond|always) ?)+> ?$"
)
_CONSOLE_MORE = re.compile(r"\s*(?:\.\.\.[>:]?|->|\S+[-('\"*][#>]) *$")
_PLAIN_MORE = "> "

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_OTHER_ESCAPE = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|[()].|\[[0-9;:?]*[A-Za-ln-z]|[^\[])|[\x0e\x0f]"
)
_EDGE_CELLS = 2
_GREY_MAX = 0xA0


class Line(StrEnum):
    """What the line at the cursor is."""

    EMPTY = "empty"
    """A prompt and nothing else."""
    TYPED = "typed"
    """Somebody has typed and not entered it."""
    UNKNOWN = "unknown"
    """A prompt of unknown shape, or half typed."""
    BLANK = "blank"
    """Nothing at all: no prompt, or one that ends with a new line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One character and how it is drawn."""

    char: str
    width: int
    ghost: bool
    """Dim or grey: a suggestion or a placeholder, not text that was typed."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What `capture-pane -e -N` printed, and the cursor."""

    rows: tuple[str, ...]
    cursor_x: int
    cursor_y: int
    width: int


def read_line(
    screen: Screen, known: tuple[str, ...] = (), *, console: bool = False, untouched: bool = False
) -> tuple[Line, str]:
    """What the line at the cursor is, and the text before the cursor (a prompt to remember, if `EMPTY`).

    `known` are prompts seen empty in this pane before. `console`: the program is no shell. `untouched`: no
    person can have typed a prompt that stands behind something else, so the shell has printed it there.
    """
    before, after = _split(_row(screen, screen.cursor_y), screen.cursor_x)
    if untouched:
        before = _last_prompt(before, known)
    line = _line_before(before, known, console=console)
    if screen.cursor_y and _is_full(above := _row(screen, screen.cursor_y - 1), screen.width):
        # The row above may have wrapped into this one.
        whole = "".join(cell.char for cell in above) + before
        # Above stands a command of just the screen's width if it begins with the very prompt that is here.
        is_anew = line is Line.EMPTY and whole.startswith(before)
        if not is_anew and (
            line is not Line.EMPTY or _extends(whole, known) or _SHELL_PROMPT_AND_TEXT.search(whole)
        ):
            line, before = _line_before(whole, known, console=console), whole
    if line is Line.EMPTY and before not in known and _continues(screen, before):
        line = Line.TYPED
    below = screen.rows[screen.cursor_y + 1 : screen.cursor_y + 2]
    if line in (Line.EMPTY, Line.BLANK) and (
        _is_typed_right(after, screen) or any(_SEARCH.match(plain(row)) for row in below)
    ):
        line = Line.TYPED
    return line, before


def _row(screen: Screen, number: int) -> list[Cell]:
    """Nothing for one that was not printed: cursor and rows are of two moments."""
    return cells(screen.rows[number]) if number < len(screen.rows) else []


def _line_before(before: str, known: tuple[str, ...], *, console: bool) -> Line:
    text = before.rstrip()
    if before in known:
        return Line.EMPTY
    if not text:
        # Only spaces: a line below the first one of an editor that takes several.
        return Line.TYPED if before else Line.BLANK
    if _SEARCH.match(text) or _ZSH_MORE.match(before) or (console and _CONSOLE_MORE.match(before)):
        return Line.TYPED
    if _extends(before, known):
        return Line.TYPED
    if _KNOWN_SHAPES.fullmatch(before):
        return Line.EMPTY
    if _ANGLE_AND_END.search(text):
        return Line.UNKNOWN
    if text[-1] in ENDS or POWERLINE.search(text):
        if not _SHELL_PROMPT_AND_TEXT.search(text):
            return Line.EMPTY
        # `~$ echo 5 >` was typed; `~/C# projects$` is a folder in a prompt, or a command that ends so.
        return Line.TYPED if text[-2:-1] == " " else Line.UNKNOWN
    return Line.TYPED if _PROMPT_AND_TEXT.search(text) else Line.UNKNOWN


def _extends(before: str, known: tuple[str, ...]) -> bool:
    return any(before.startswith(prompt) and len(before) > len(prompt) for prompt in known)


def _last_prompt(before: str, known: tuple[str, ...]) -> str:
    """The prompt alone, if it is printed behind another one, or behind what a command left on its line.

    A shell without a line editor that finds several lines typed ahead prints a prompt for each: `$ $ $ `.
    """
    found = _PROMPTS.fullmatch(before)
    if found is not None:
        return found.group(1)
    return next((prompt for prompt in known if prompt.strip() and before.endswith(prompt)), before)


def _continues(screen: Screen, before: str) -> bool:
    """Whether a bare `> ` is below a command that is not complete, rather than somebody's prompt."""
    if before != _PLAIN_MORE:
        return False
    for row in reversed(screen.rows[: screen.cursor_y]):
        text = plain(row)
        if not text.startswith(_PLAIN_MORE.rstrip()):
            return _PROMPT_AND_TEXT.search(text) is not None
    return False


def _is_typed_right(after: list[Cell], screen: Screen) -> bool:
    solid = [index for index, cell in enumerate(after) if cell.char.strip() and not cell.ghost]
    if not solid:
        return False
    end = screen.cursor_x + sum(cell.width for cell in after[: solid[-1] + 1])
    gap = solid[0]
    # The right side of a prompt stands at the edge, away from the cursor.
    return not (end >= screen.width - _EDGE_CELLS and gap > 1)


def composer_text(screen: Screen) -> str | None:
    """What stands in the input box of a coding agent, placeholders left out; None: no box is seen.

    The box is the last row that begins with `>` or a like sign, perhaps inside a frame.
    """
    for row in reversed(screen.rows):
        drawn = cells(row)
        solid = "".join(cell.char for cell in drawn if not cell.ghost or cell.char in _FRAME).strip(
            _FRAME + " "
        )
        if solid[:1] in _COMPOSER and (len(solid) == 1 or solid[1] in " \u00a0"):
            return solid[1:].strip()
    return None


_COMPOSER = (">", "\u276f", "\u203a")
_FRAME = "│┃|║"


def cells(row: str) -> list[Cell]:
    """The characters of a row as `capture-pane -e` prints it."""
    found: list[Cell] = []
    ghost = dim = False
    at = 0
    row = _OTHER_ESCAPE.sub(lambda match: "" if not match.group().endswith("m") else match.group(), row)
    for match in _SGR.finditer(row):
        found += _plain_cells(row[at : match.start()], ghost=ghost or dim)
        ghost, dim = _after_sgr(match.group(1), ghost=ghost, dim=dim)
        at = match.end()
    return found + _plain_cells(row[at:], ghost=ghost or dim)


def _plain_cells(text: str, *, ghost: bool) -> list[Cell]:
    return [Cell(char, _cell_width(char), ghost) for char in text]


def _cell_width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _after_sgr(parameters: str, *, ghost: bool, dim: bool) -> tuple[bool, bool]:
    numbers = [int(number or 0) for number in re.split("[;:]", parameters)]
    at = 0
    while at < len(numbers):
        number = numbers[at]
        if number == 0:
            ghost = dim = False
        elif number == 2:  # noqa: PLR2004 - SGR's own numbers, here and below
            dim = True
        elif number == 22:  # noqa: PLR2004
            dim = False
        elif number == 38 and numbers[at + 1 : at + 2] == [5]:  # noqa: PLR2004
            ghost = _is_grey_index(numbers[at + 2]) if at + 2 < len(numbers) else False
            at += 2
        elif number == 38 and numbers[at + 1 : at + 2] == [2]:  # noqa: PLR2004
            ghost = _is_grey(numbers[at + 2 : at + 5])
            at += 4
        elif 30 <= number <= 39 or 90 <= number <= 97:  # noqa: PLR2004
            ghost = number == 90  # noqa: PLR2004
        elif number == 48:  # noqa: PLR2004
            at += 2 if numbers[at + 1 : at + 2] == [5] else 4
        at += 1
    return ghost, dim


def _is_grey_index(index: int) -> bool:
    return index == 8 or 236 <= index <= 247  # noqa: PLR2004 - of the 256 colours


def _is_grey(rgb: list[int]) -> bool:
    return len(rgb) == 3 and max(rgb) - min(rgb) <= 16 and max(rgb) <= _GREY_MAX  # noqa: PLR2004 - red, green, blue


def plain(row: str) -> str:
    """The row's characters alone."""
    return "".join(cell.char for cell in cells(row))


def _split(row: list[Cell], cursor_x: int) -> tuple[str, list[Cell]]:
    """The text left of the cursor, and the cells from it on."""
    column = 0
    for index, cell in enumerate(row):
        if column >= cursor_x and cell.width:
            return "".join(cell.char for cell in row[:index]), row[index:]
        column += cell.width
    # tmux leaves out cells that were never written; the cursor may stand beyond them.
    return "".join(cell.char for cell in row) + " " * (cursor_x - column), []


def _is_full(row: list[Cell], width: int) -> bool:
    return sum(cell.width for cell in row) >= width and bool(row and row[-1].char.strip())
