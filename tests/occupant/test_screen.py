"""What rows of text and a cursor say about the line."""

from __future__ import annotations

import pytest

from tsipcd.tmux.screen import Line, Screen, composer_text, plain, read_line

ARROW, ANGLE, SINGLE, LAMBDA, DIRTY = "\u279c", "\u276f", "\u203a", "\u03bb", "\u2717"


def screen(*rows: str, x: int | None = None, width: int = 80) -> Screen:
    """The cursor is behind the last row, or at column `x` of it."""
    return Screen(rows, len(plain(rows[-1])) if x is None else x, len(rows) - 1, width)


@pytest.mark.parametrize(
    "row",
    [
        "$ ",
        "# ",
        "> ",
        "% ",
        "bash-5.2$ ",
        "user@host:~/a b$ ",
        "(venv) user@host:~/x$ ",
        "[root@host /srv]# ",
        f"{ANGLE} ",
        f"proj on main {ANGLE} ",
        f"80% user@host {LAMBDA} ",
        f"{ARROW}  ~ ",
        f"{ARROW}  proj git:(main) {DIRTY} ",
        f"{ARROW}  proj git:(main) ",
        "\x1b[32muser\x1b[0m@host \x1b[1m~/x\x1b[0m> ",
        "user \ue0b0 ~/x \ue0b0 ",
        ">>> ",
        "db=# ",
        "In [1]: ",
        "\uc138\uc158$ ",
    ],
)
def test_a_prompt_alone_is_empty(row: str) -> None:
    """Prompts that people have, seen for the first time."""
    line, before = read_line(Screen((row,), 80, 0, 80) if "\uc138" in row else screen(row))
    assert line is Line.EMPTY
    assert before.startswith(plain(row))


@pytest.mark.parametrize(
    "row",
    [
        "$ echo",
        "user@host:~$ echo half",
        "user@host:~$ echo 5 >",
        "user@host:~$ echo $",
        "# rm -rf /tmp/x #",
        "host% ls",
        f"{ANGLE} git status",
        f"80% user@host {LAMBDA} ls",
        "> ls",
        "dquote> ",
        "cmdand quote> ",
        "for> ",
        "(reverse-i-search)`ls': ls -l",
        "(failed reverse-i-search)`x': ",
        "bck-i-search: _",
        "    ",
    ],
)
def test_a_prompt_and_more_is_typed(row: str) -> None:
    """Text behind a prompt, continuation prompts and searches, seen for the first time."""
    assert read_line(screen(row))[0] is Line.TYPED


@pytest.mark.parametrize(
    "row",
    [
        "~/C# projects$ ",
        "> # ",
        f"{ANGLE} # ",
        "~$ echo a$",
        "here we go ",
        "here we go echo",
        f"{ARROW}  ~ echo",
        "80% done",
    ],
)
def test_a_line_without_an_end_is_unknown(row: str) -> None:
    """Nothing says where the prompt ends."""
    assert read_line(screen(row))[0] is Line.UNKNOWN


@pytest.mark.parametrize(
    ("row", "line"),
    [("here we go ", Line.EMPTY), ("here we go echo", Line.TYPED), ("here we go echo $", Line.TYPED)],
)
def test_a_prompt_that_is_known_decides(row: str, line: Line) -> None:
    """The same is empty, more is typed, whatever it ends with."""
    assert read_line(screen(row), ("here we go ",))[0] is line


def test_nothing_before_the_cursor_is_blank() -> None:
    """An empty row is neither a prompt nor typed."""
    assert read_line(screen("some output", ""))[0] is Line.BLANK


def test_the_prompt_before_the_cursor_is_what_is_remembered() -> None:
    """Without what stands right of it."""
    assert read_line(screen("$ " + " " * 72 + "12:30", x=2)) == (Line.EMPTY, "$ ")


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("$ echo", Line.TYPED),
        ("$ " + " " * 72 + "12:30", Line.EMPTY),
        ("$ \x1b[2mecho suggested\x1b[0m", Line.EMPTY),
        ("$ \x1b[90mecho suggested\x1b[39m", Line.EMPTY),
        ("$ \x1b[38;5;240mecho\x1b[0m", Line.EMPTY),
        ("$ \x1b[38;2;100;100;100mecho\x1b[0m", Line.EMPTY),
        ("$ \x1b[31mecho\x1b[0m", Line.TYPED),
        ("$ \x1b[38;5;196mecho\x1b[0m", Line.TYPED),
        ("$ \x1b[48;5;240mecho\x1b[0m", Line.TYPED),
    ],
)
def test_what_stands_right_of_the_cursor(row: str, line: Line) -> None:
    """Typed text, but for a prompt's right side and for what is drawn as a suggestion."""
    assert read_line(screen(row, x=2))[0] is line


def test_wide_characters_take_two_columns() -> None:
    """The cursor's column is a column, not a character."""
    assert read_line(Screen(("\uc138\uc158$ echo",), 6, 0, 80)) == (Line.TYPED, "\uc138\uc158$ ")
    assert read_line(Screen(("\uc138\uc158$ ",), 6, 0, 80)) == (Line.EMPTY, "\uc138\uc158$ ")


def test_a_wrapped_line_is_read_as_one() -> None:
    """A row that is full goes on in the next."""
    assert read_line(screen("$ echo aaaa", "bbb #", width=11))[0] is Line.TYPED
    assert read_line(screen("$ echo aaaa", "bbb", width=11))[0] is Line.TYPED
    assert read_line(screen("---- main -", f"{ANGLE} ", width=11))[0] is Line.EMPTY


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (("$ echo 'a", "> "), Line.TYPED),
        (("$ echo 'a", "> b", "> "), Line.TYPED),
        (("> true", "> "), Line.EMPTY),
        (("> cat x", "some output", "> "), Line.EMPTY),
        (("> ",), Line.EMPTY),
    ],
)
def test_a_bare_angle_is_a_prompt_or_a_continuation(rows: tuple[str, ...], line: Line) -> None:
    """What stands above tells."""
    assert read_line(screen(*rows))[0] is line


@pytest.mark.parametrize(
    ("row", "known", "untouched", "line"),
    [
        ("# # # ", (), True, (Line.EMPTY, "# ")),
        ("# # # # ", (), True, (Line.EMPTY, "# ")),
        ("~$ ~$ ", (), True, (Line.EMPTY, "~$ ")),
        ("# left# ", ("# ",), True, (Line.EMPTY, "# ")),
        ("# # ", (), False, (Line.TYPED, "# # ")),
        ("# left# ", ("# ",), False, (Line.TYPED, "# left# ")),
        ("# # echo", ("# ",), True, (Line.TYPED, "# # echo")),
    ],
)
def test_a_prompt_behind_another_is_the_shell_s_if_nobody_typed(
    row: str, known: tuple[str, ...], untouched: bool, line: tuple[Line, str]
) -> None:
    """A prompt for each line that was typed ahead; or the begin of a comment."""
    assert read_line(screen(row), known, untouched=untouched) == line


@pytest.mark.parametrize("row", ["... ", "   ...> ", "    -> ", "db-# ", "db(> "])
def test_a_console_s_continuation_is_typed(row: str) -> None:
    """python, sqlite, mysql and psql in the middle of a statement."""
    assert read_line(screen(row), console=True)[0] is Line.TYPED


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (("\u256d\u2500\u2500\u256e", "\u2502 > \u2502", "\u2570\u2500\u2500\u256f"), ""),
        (("\u2502 > hello   \u2502",), "hello"),
        ((f"{ANGLE}\u00a0",), ""),
        ((f"{SINGLE} \x1b[2mExplain this\x1b[0m",), ""),
        (("> old message", f"{ANGLE} new"), "new"),
        (("\u2502 \u276f 1. Yes \u2502",), "1. Yes"),
        (("nothing here",), None),
    ],
)
def test_the_input_box_of_an_agent(rows: tuple[str, ...], text: str | None) -> None:
    """The last row with a prompt sign; placeholders are drawn dim."""
    assert composer_text(screen(*rows)) == text


def test_escapes_are_no_text() -> None:
    """Links and character sets, as `capture-pane -e` prints them."""
    assert plain("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x0el\x0f \x1b(Bx") == "link l x"


def test_a_prompt_below_a_command_of_the_screen_s_width_is_empty() -> None:
    """Two prompts, not one line that wraps; with another beginning it may be one."""
    assert read_line(Screen(("$ echo 345", "$ "), 2, 1, 10))[0] is Line.EMPTY
    assert read_line(Screen(("# echo 345", "$ "), 2, 1, 10))[0] is not Line.EMPTY
