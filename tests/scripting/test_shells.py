"""`eval "$(ts-ipc shell-init SHELL)"` in real shells: as the program, only faster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.scripting.conftest import State, is_alive
from tests.support.tmux import Tmux
from tests.support.wait import until

INIT = 'eval "$(ts-ipc shell-init {})"\n'
HELPER = b"pipe\0--shell\0"


@pytest.fixture(params=["bash", "zsh"])
def shell(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def run(state: State, shell: str, script: str, *, init: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, "-c", (INIT.format(shell) if init else "") + script],
        env=state.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def helper_of(pid: int) -> int:
    """The process that the shell `pid` keeps; 0: none."""
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdecimal()
                and HELPER + str(pid).encode() + b"\0" in (folder / "cmdline").read_bytes()
            ):
                return int(folder.name)
        except OSError:
            continue
    return 0


ALIKE = r"""
ts-ipc publish me news one; echo $?
ts-ipc send me ghost 'two  "words" $HOME' data; echo $?
ts-ipc pub me news; echo $?
ts-ipc publish me nothing x; echo $?
ts-ipc send me nobody x; echo $?
ts-ipc publish me; echo $?
ts-ipc publish me news 'a
b'; echo $?
ts-ipc publish me news x --json; echo $?
ts-ipc send me ghost "✓ it's" notification; echo $?
ts-ipc send me ghost x song; echo $?
ts-ipc publish me news $'\xff'; echo $?
ts-ipc publish me news '' --key k; echo $?
ts-ipc subs; echo $?
"""


def test_it_prints_what_the_program_prints(state: State, short_path: Path, shell: str) -> None:
    """Stdout, stderr and status of everything, simple or not, are those of the program."""
    fast = run(state, shell, ALIKE)
    other = State(short_path / "other")
    other.subscribe()
    plain = run(other, shell, ALIKE, init=False)
    other.end()
    assert (fast.stdout, fast.stderr) == (plain.stdout, plain.stderr)


def test_it_leaves_the_shell_alone(state: State, shell: str) -> None:
    """`set -eu`, `$!`, jobs, traps, IFS and the user's descriptors stay as they were."""
    script = """
    set -eu
    trap 'echo bye' EXIT
    sleep 60 & job=$!
    IFS=:
    before=$(jobs; set -o; trap)
    ts-ipc publish me news one
    ts-ipc publish me news two
    test "$job" = "$!"
    test "$IFS" = :
    test "$before" = "$(jobs; set -o; trap)"
    kill $job
    ts-ipc send me nobody x || echo $?
    if ts-ipc send me nobody x; then echo never; fi
    exit 6
    """
    done = run(state, shell, script)
    assert done.stdout.split() == ["msg-1", "msg-2", "6", "bye"], done.stderr
    assert done.returncode == 6


def test_subshells_and_jobs_do_not_mix(state: State, shell: str) -> None:
    """Many at once, in every kind of subshell: each has its own answer."""
    script = """
    for n in 1 2 3 4 5; do
      ts-ipc publish me news "a $n"
      ( ts-ipc publish me news "b $n" )
      echo "$(ts-ipc publish me news "c $n")"
      ts-ipc publish me news "d $n" &
      ts-ipc publish me news "e $n" | cat
    done
    wait
    """
    done = run(state, shell, script)
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == sorted(f"msg-{number}" for number in range(1, 26))
    assert sorted(state.published()) == [f"{letter} {n}" for letter in "abcde" for n in range(1, 6)]


def test_a_killed_helper_and_a_killed_daemon_cost_nothing(state: State, shell: str) -> None:
    """In the middle of a loop; all is there, once and in order."""
    script = "echo $$; for n in {0..199}; do ts-ipc publish me news $n; done"
    with subprocess.Popen(
        [shell, "-c", INIT.format(shell) + script], env=state.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        out = []
        for line in process.stdout:
            out.append(line.strip())
            if len(out) in {40, 80}:
                os.kill(helper_of(pid), signal.SIGKILL)
            if len(out) == 120:
                os.kill(state.daemon, signal.SIGKILL)
        assert process.wait(60) == 0
    assert out == [f"msg-{number}" for number in range(1, 201)]
    assert state.published() == [str(number) for number in range(200)]


def test_it_ends_with_the_shell(state: State, shell: str) -> None:
    """Though a child of the shell lives on, with all descriptors that it inherited."""
    script = "ts-ipc publish me news one; sleep 300 >/dev/null & echo $! $$; read -r line"
    with subprocess.Popen(
        [shell, "-c", INIT.format(shell) + script],
        env=state.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "msg-1\n"
        child, pid = map(int, process.stdout.readline().split())
        helper = helper_of(pid)
        assert helper
        process.kill()
        try:
            until(lambda: not is_alive(helper), what="the helper ended")
            assert is_alive(child)
        finally:
            os.kill(child, signal.SIGKILL)


def test_another_state_folder_is_another_daemon(state: State, short_path: Path, shell: str) -> None:
    """`TS_IPC_DIR` counts at every call."""
    other = State(short_path / "other")
    other.subscribe()
    script = f"""
    ts-ipc publish me news here
    export TS_IPC_DIR={other.folder}
    ts-ipc publish me news there
    """
    assert run(state, shell, script).stdout == "msg-1\nmsg-1\n"
    assert (state.published(), other.published()) == (["here"], ["there"])
    other.end()


def test_at_a_prompt_in_tmux(state: State, tmux: Tmux, shell: str) -> None:
    """Confirmations are seen, the session that it runs in is known, and no job is told of."""
    words = " ".join(f"{name}={state.environment[name]}" for name in ("PATH", "TS_IPC_DIR"))
    bare = {"bash": "bash --norc --noprofile", "zsh": "zsh -f"}[shell]
    tmux.session("here", f"exec env {words} TMUX_TMPDIR={tmux.folder} {bare}")

    def type_in(line: str, *shown: str) -> None:
        tmux.run("send-keys", "-t", "=here:", line, "Enter")
        until(lambda: all(text in tmux.screen("here") for text in shown), what=f"{shown} after {line}")

    type_in(INIT.format(shell).strip() + "; echo re''ady", "ready")
    type_in("ts-ipc send . . x data; ts-ipc send . . y data", "msg-1", "msg-2", "→ here [data]")
    type_in("ts-ipc publish me news z; jobs; echo st''atus $?", "msg-3", "status 0")
    assert "Done" not in tmux.screen("here")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pub", "publish"),
        ("subscribe x ne", "news"),
        ("subscribe x news no", "notify"),
        ("send a b c not", "notification"),
        ("send --no", "--now"),
        ("daemon resta", "restart"),
    ],
)
def test_a_tab_completes(state: State, words: str, expected: str) -> None:
    """Commands, options, events and closed words; what is said of them is what bash would offer."""
    *before, begun = words.split(" ")
    script = f"""
    COMP_WORDS=(ts-ipc {" ".join(before)} {begun}); COMP_CWORD={len(before) + 1}
    __ts_ipc_complete; echo "${{COMPREPLY[@]}}"
    """
    assert run(state, "bash", script).stdout.split() == [expected]
