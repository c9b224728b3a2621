"""Steps in real shells: the exit status, the output, and every way in which one can end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.steps.conftest import SHELLS, Panes, Tmux, need, until
from tsipcd.core.inputs import Outcome, Typed

pytestmark = pytest.mark.tmux

every_shell = pytest.mark.parametrize("shell", SHELLS)
POSIX = ("bash", "zsh", "dash", "ksh")
posix_shells = pytest.mark.parametrize("shell", POSIX)


@every_shell
async def test_status_and_output_of_simple_commands(panes: Panes, shell: str) -> None:
    """The exit status is the command's own, and the log holds what it printed and nothing else."""
    pane = await panes(shell)
    for command, code, output in [
        ("true", 0, ""),
        ("false", 1, ""),
        ("echo hello", 0, "hello\n"),
        ("sh -c 'exit 3'", 3, ""),
        ("sh -c 'kill -TERM $$'", 143, None),
        ("true | false", 1, ""),
        ("cd /usr", 0, ""),
        ("pwd", 0, "/usr\n"),
        ("printf 'no newline'", 0, "no newline\n"),
        (
            "echo '\u00fcn\u00ef \uc138\uc158' \"a'b\" '!x' '#' '%H' '#(id)' '@END@'",
            0,
            "\u00fcn\u00ef \uc138\uc158 a'b !x # %H #(id) @END@\n",
        ),
        ("no-such-command", 127, None),
        ("sleep 100 &", 0, None),
        ("", 0, ""),
        ("# only a comment", 0, ""),
    ]:
        assert await pane.run(command) == code, (command, pane.events)
        assert output is None or pane.log == output, command
        assert not pane.is_piped()


@posix_shells
async def test_text_of_several_lines_and_words(panes: Panes, shell: str) -> None:
    """Here documents, subshells, functions, aliases and variables are the user's shell's own, and stay."""
    pane = await panes(shell)
    assert await pane.run("A=5\nB=$((A + 1))\nf() { return 9; }\nalias hi='echo aliased'") == 0
    assert await pane.run("echo $A $B; f") == 9
    assert pane.log == "5 6\n"
    assert await pane.run("hi") == 0
    assert pane.log == "aliased\n"
    assert await pane.run("cat <<'E'\nit's $A \"`\\n\nE") == 0
    assert pane.log == "it's $A \"`\\n\n"
    assert await pane.run("(exit 4)") == 4
    assert await pane.run("return 6") == 6
    assert await pane.run("echo ${__ts_ipc-nothing left}") == 0
    assert pane.log == "nothing left\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "ksh"])
async def test_a_here_string(panes: Panes, shell: str) -> None:
    """`<<<` works in the shells that have it."""
    pane = await panes(shell)
    assert await pane.run("cat <<< 'a b'") == 0
    assert pane.log == "a b\n"


async def test_the_words_of_fish(panes: Panes) -> None:
    """Variables, functions and the directory stay in fish too."""
    pane = await panes("fish")
    assert await pane.run("set -g A 5\nfunction f; return 9; end\ncd /usr") == 0
    assert await pane.run("echo $A $PWD 'it\\'s'; f") == 9
    assert pane.log == "5 /usr it's\n"
    assert await pane.run("set -q __ts_ipc") == 1


@every_shell
async def test_a_syntax_error_has_a_status(panes: Panes, shell: str) -> None:
    """The shell says what is wrong, the step fails, and the shell goes on."""
    pane = await panes(shell)
    for text in ("if then (\n", "echo 'never closed"):
        code = await pane.run(text)
        assert code not in (0, None)
        assert pane.log != ""
    assert await pane.run("echo on") == 0
    assert pane.log == "on\n"


@posix_shells
async def test_errors_that_leave_a_sourced_file_have_a_status(panes: Panes, shell: str) -> None:
    """Failed expansions, redirections and special builtins end the text, not the bookkeeping."""
    pane = await panes(shell)
    for text in ("echo ${nope?missing}", "readonly R=1; R=2", "set -u; echo $nope"):
        code = await pane.run(text)
        assert code not in (0, None), text
    assert await pane.run("set +u; shift 99") not in (0, None) or shell == "zsh"


@every_shell
async def test_large_text_and_large_output(panes: Panes, shell: str) -> None:
    """100 KB of text run as they are; all lines of a long output are there."""
    pane = await panes(shell)
    word = "x" * 100_000
    assert await pane.run(f"printf %s '{word}' | wc -c") == 0
    assert pane.log.strip() == "100000"
    assert await pane.run("seq 1 20000") == 0
    assert pane.log == "".join(f"{number}\n" for number in range(1, 20_001))


async def test_ten_megabytes_of_output(panes: Panes) -> None:
    """A flood arrives whole, with few reports on the way."""
    pane = await panes("bash")
    assert await pane.run("head -c 10000000 /dev/zero | tr '\\0' 'a' | fold -w 99") == 0
    assert pane.log.count("a") == 10_000_000
    assert len(pane.printed) < 300


@every_shell
async def test_reading_from_the_terminal(panes: Panes, shell: str) -> None:
    """A person can answer a step's question; it is not taken for the shell's prompt."""
    pane = await panes(shell)
    step = pane.start("read x\necho got $x")
    await pane.has_file("claim")
    # Longer than the pause after which a quiet step is looked at, twice.
    await asyncio.sleep(2.2)
    assert not step.done()
    pane.type("answer", "Enter")
    await asyncio.wait_for(step, 10)
    assert pane.end.exit_code == 0
    assert "got answer\n" in pane.log


def commands_of(pids: list[str]) -> list[str]:
    """The names of those processes that still are."""
    names = (Path(f"/proc/{pid}/comm") for pid in pids)
    return [name.read_text().strip() for name in names if name.exists()]


@every_shell
async def test_ctrl_c_ends_the_step(panes: Panes, shell: str) -> None:
    """An interrupted step ends promptly, with 130 or a reason."""
    pane = await panes(shell)
    step = pane.start("echo before\n/bin/sleep 1000\necho after")
    await pane.has_printed("before")
    # fish runs what it sources in its own process group: only its children tell.
    children = Path(f"/proc/{pane.pin.pid}/task/{pane.pin.pid}/children")
    await until(lambda: "sleep" in commands_of(children.read_text().split()), what="sleep")
    pane.type("", "C-c")
    await asyncio.wait_for(step, 10)
    assert pane.end.exit_code == 130 or "without a status" in pane.end.reason
    assert "after" not in pane.log.replace("before", "")
    assert await pane.run("echo on") == 0


def ended(code: int) -> list[tuple[int | None, str]]:
    """What may be told of a shell that exited with `code`: not every kernel tells it."""
    return [(code, f"the shell exited with {code}"), (None, "pane died"), (None, "the shell exited")]


@posix_shells
async def test_exit_ends_the_shell_as_when_typed(panes: Panes, shell: str) -> None:
    """The pane dies; the step says so, with the status if the kernel tells it."""
    pane = await panes(shell)
    step = pane.start("echo bye; exit 3")
    await asyncio.wait_for(step, 10)
    assert (pane.end.exit_code, pane.end.reason) in ended(3)
    assert pane.log == "bye\n"


async def test_exit_with_0_is_no_success(panes: Panes) -> None:
    """Some shells say 0 when their pane is killed: a step without a status has failed."""
    pane = await panes("bash")
    assert await pane.run("exit 0") is None
    assert pane.end.reason in ("pane died", "the shell exited")


async def test_exit_of_a_nested_shell(panes: Panes) -> None:
    """The shell that ran the step ended; the pane lives."""
    need("dash")
    pane = await panes("dash")
    pane.type("bash --norc --noprofile", "Enter")
    await until(lambda: "bash-" in pane.screen(), what="a prompt of bash")
    pane.shell = "bash"
    step = pane.start("exit 4")
    await asyncio.wait_for(step, 10)
    assert (pane.end.exit_code, pane.end.reason) in [
        (4, "the shell exited with 4"),
        (None, "the shell exited"),
    ]


@posix_shells
async def test_errexit_of_the_user_is_kept(panes: Panes, shell: str) -> None:
    """With `set -e` a failing command ends the shell, as when typed, and nothing after it runs."""
    pane = await panes(shell)
    assert await pane.run("set -e") == 0
    step = pane.start("echo one\nfalse\necho two")
    await asyncio.wait_for(step, 10)
    assert (pane.end.exit_code, pane.end.reason) in ended(1)
    assert pane.log == "one\n"


@every_shell
async def test_a_pane_that_is_killed_fails_the_step(panes: Panes, shell: str) -> None:
    """`kill-pane` in the middle: the end comes at once, with its reason."""
    pane = await panes(shell)
    await panes("bash" if shell != "bash" else "dash")
    step = pane.start("echo here; sleep 1000")
    await pane.has_printed("here\r")
    pane.tmux.run("kill-pane", "-t", pane.pin.pane)
    await asyncio.wait_for(step, 10)
    # A shell may just have had the time to write what it saw.
    assert pane.end.exit_code not in (0, None) or pane.end.reason != ""
    assert pane.log.startswith("here\n")


async def test_a_full_screen_program_and_clear(panes: Panes) -> None:
    """Escapes of any kind come and go; the end is seen."""
    pane = await panes("bash")
    step = pane.start("less /etc/passwd; clear; echo done")
    await until(
        lambda: pane.tmux.run("display-message", "-p", "-t", pane.pin.pane, "#{alternate_on}") == "1",
        what="less",
    )
    pane.type("q")
    await asyncio.wait_for(step, 10)
    assert pane.end.exit_code == 0
    assert pane.log.endswith("done\n")


async def test_the_shell_s_own_output_may_be_redirected(panes: Panes, tmux: Tmux) -> None:
    """`exec >file` does not take the markers along."""
    pane = await panes("bash")
    assert await pane.run(f"exec 3>&1 >{tmux.home}/out; echo there") == 0
    assert pane.log == ""
    assert (tmux.home / "out").read_text() == "there\n"
    assert await pane.run("exec >&3; echo here") == 0
    assert pane.log == "here\n"


@every_shell
async def test_a_step_cannot_run_twice(panes: Panes, shell: str) -> None:
    """The same line entered again, from the history or by hand, runs nothing."""
    pane = await panes(shell)
    counter = pane.tmux.home / "count"
    assert await pane.run(f"echo x >>'{counter}'") == 0
    await pane.at_prompt()
    source = "source" if shell == "fish" else "."
    pane.type(f"{source} {pane.folder}/step", "Enter")
    await until(lambda: "has been run already" in pane.screen(), what="the refusal")
    assert counter.read_text() == "x\n"


@every_shell
async def test_a_folder_with_any_name(panes: Panes, tmux: Tmux, shell: str) -> None:
    """Spaces, quotes and signs that shells and tmux expand are only letters of the path."""
    runs = tmux.home / 'it\'s a $HOME `id` #{pid} %7H \\ "x" \uc138' / "runs"
    runs.mkdir(parents=True)
    pane = await panes(shell, runs=runs)
    assert await pane.run("echo fine") == 0
    assert pane.log == "fine\n"


async def test_files_are_for_their_owner_only(panes: Panes) -> None:
    """0700 and 0600, whatever the umask."""
    old = os.umask(0)
    try:
        pane = await panes("bash")
        assert await pane.run("umask 0; echo x") == 0
    finally:
        os.umask(old)
    assert pane.folder.stat().st_mode & 0o777 == 0o700
    for path in (
        pane.folder / "step",
        pane.folder / "command",
        pane.folder / "pipe",
        pane.runs / "run-3/1.log",
    ):
        assert path.stat().st_mode & 0o777 == 0o600, path


async def test_what_is_printed_is_reported(panes: Panes) -> None:
    """The last line, without escapes; the end's line always."""
    pane = await panes("bash")
    step = pane.start("printf '\\033[31mred\\033[0m\\n'; read x; echo last")
    await until(lambda: pane.printed == ["red"], what="a report")
    pane.type("", "Enter")
    await asyncio.wait_for(step, 10)
    assert pane.printed[-1] == "last"


async def test_a_pipe_of_somebody_else_is_left_alone(panes: Panes, tmux: Tmux) -> None:
    """The user's log goes on; ours is read from the screen and says so."""
    pane = await panes("bash")
    theirs = tmux.home / "theirs"
    tmux.run("pipe-pane", "-t", pane.pin.pane, f"exec cat >>{theirs}")
    assert await pane.run("echo one; echo two; false") == 1
    assert pane.log.endswith("one\ntwo\n")
    assert "another program uses this pane's pipe" in pane.log
    assert pane.is_piped()
    pane.type("echo still", "Enter")
    await until(lambda: b"still" in theirs.read_bytes(), what="their log to go on")


async def test_a_refused_line_leaves_nothing_behind(panes: Panes) -> None:
    """Typed says refused; the pipe is closed, nothing ran, and the next attempt works."""
    pane = await panes("bash")
    await asyncio.wait_for(pane.start("echo x", outcome=Outcome.REFUSED), 10)
    assert pane.events == [Typed(7, 1, Outcome.REFUSED)]
    assert not pane.is_piped()
    pane.index -= 1
    assert await pane.run("echo x") == 0
    assert pane.log == "x\n"


async def test_an_outcome_that_is_unknown_is_found_out_later(panes: Panes) -> None:
    """It was typed after all: the same attempt again finds the step done, and its output."""
    pane = await panes("bash")
    await asyncio.wait_for(pane.start("echo x; (exit 5)", outcome=Outcome.UNKNOWN), 10)
    await pane.has_file("status")
    pane.index -= 1
    await asyncio.wait_for(pane.start("echo x; (exit 5)", outcome=Outcome.ALREADY), 10)
    assert pane.end.exit_code == 5
    assert pane.log == "x\n"


async def test_a_background_job_that_prints_does_not_hide_an_interrupt(panes: Panes) -> None:
    """The look for a shell that came back does not wait for silence."""
    pane = await panes("bash")
    step = pane.start("(while sleep 0.02; do echo tick; done) &\nsleep 1000")
    await pane.has_printed("tick")
    await until(
        lambda: (
            pane.tmux.run("display-message", "-p", "-t", pane.pin.pane, "#{pane_current_command}") == "sleep"
        ),
        what="sleep",
    )
    pane.type("", "C-c")
    await asyncio.wait_for(step, 10)
    assert "without a status" in pane.end.reason
    os.kill(pane.pin.pid, signal.SIGHUP)
