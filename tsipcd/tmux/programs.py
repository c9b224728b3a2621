"""The programs that may be typed into: shells, and others that read a line. Data, and who a process is by it.

A program that is not here is never typed into while it is in the foreground, unless the sender says `now`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from tsipcd.tmux.tty import Process


class Dialect(StrEnum):
    """The language a step's script is written in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    DASH = "dash"
    """POSIX shells that leave a sourced file at the first error."""
    KSH = "ksh"


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell: how it is at its prompt, and what scripts it reads."""

    name: str
    dialect: Dialect | None
    """None: steps cannot run in it."""
    edits: bool
    """At its prompt it always reads key by key. False: its terminal may stay in line mode."""


class Kind(StrEnum):
    """Why a program may be typed into, and how its line looks."""

    CONSOLE = "console"
    """Reads commands of its own language at a prompt; its terminal is in line mode while it computes."""
    REMOTE = "remote"
    """Passes keys on to a program behind another terminal; only the screen tells what that one does."""
    AGENT = "agent"
    """A coding agent: draws its own input box and takes input while it works."""


SHELLS = {
    shell.name: shell
    for shell in (
        Shell("bash", Dialect.BASH, edits=True),
        Shell("rbash", Dialect.BASH, edits=True),
        Shell("zsh", Dialect.ZSH, edits=True),
        Shell("rzsh", Dialect.ZSH, edits=True),
        Shell("fish", Dialect.FISH, edits=True),
        Shell("dash", Dialect.DASH, edits=False),
        Shell("sh", Dialect.DASH, edits=False),
        Shell("ash", Dialect.DASH, edits=False),
        Shell("busybox", Dialect.DASH, edits=False),
        Shell("ksh", Dialect.KSH, edits=False),
        Shell("ksh93", Dialect.KSH, edits=False),
        Shell("rksh", Dialect.KSH, edits=False),
        Shell("mksh", Dialect.KSH, edits=True),
        Shell("lksh", Dialect.KSH, edits=True),
        Shell("oksh", Dialect.KSH, edits=False),
        Shell("loksh", Dialect.KSH, edits=False),
        Shell("yash", None, edits=False),
        Shell("csh", None, edits=False),
        Shell("tcsh", None, edits=True),
        Shell("elvish", None, edits=True),
        Shell("nu", None, edits=True),
        Shell("xonsh", None, edits=True),
        Shell("pwsh", None, edits=True),
    )
}

_CONSOLES = """
python ipython bpython ptpython pypy node deno bun irb pry ghci lua luajit R julia octave octave-cli scala clj
iex erl php jshell ocaml utop sbcl racket guile gnuplot maxima bc dc tclsh psql pgcli mysql mariadb mycli
sqlite3 litecli duckdb redis-cli valkey-cli mongosh cqlsh clickhouse gdb lldb ftp sftp lftp
telnet bluetoothctl nmcli
"""
_REMOTES = "ssh mosh-client autossh docker podman kubectl lxc machinectl sudo su script"
_AGENTS = "claude codex gemini aider opencode goose amp crush qwen cursor-agent copilot"

PROGRAMS = {
    **dict.fromkeys(_CONSOLES.split(), Kind.CONSOLE),
    **dict.fromkeys(_REMOTES.split(), Kind.REMOTE),
    **dict.fromkeys(_AGENTS.split(), Kind.AGENT),
}
"""By the name that a process has, without a version (`python3.11` is `python`)."""

INTERPRETERS = frozenset({"python", "pypy", "node", "bun", "deno", "ruby", "perl"})
"""Run a program named by their first operand; without one they may be consoles themselves."""

PACKAGES = {
    "claude-code": "claude",
    "codex": "codex",
    "gemini-cli": "gemini",
    "aider": "aider",
    "IPython": "ipython",
}
"""Folder names in an operand's path, or modules after `-m`, that give the program away."""

_VERSION = re.compile(r"-?\d+(\.\d+)*$")
_TAKES_WORD = frozenset({"-o", "-O", "+o", "+O", "--rcfile", "--init-file", "-W", "-X", "-r", "--require"})
"""Options of shells and interpreters whose next word is no operand."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """Who a process is, as far as typing is concerned."""

    name: str
    """For people: `sleep`, `build.sh`, `claude`."""
    shell: Shell | None = None
    """Set if it is an interactive shell."""
    kind: Kind | None = None
    """Set if it is another program that may be typed into."""


def identify(process: Process) -> Occupant:
    """Who `process` is, by its name and its command line."""
    name = process.name
    shell = SHELLS.get(name) or SHELLS.get(_base(process))
    if shell is not None:
        operand = _operand(process.argv)
        # `bash build.sh` and `sh -c ...` are programs, not somebody's shell.
        return Occupant(shell.name, shell) if operand is None else Occupant(operand)
    for candidate in (name, _base(process)):
        plain = _VERSION.sub("", candidate)
        if plain in INTERPRETERS:
            return _interpreted(process, plain)
        if plain in PROGRAMS:
            return Occupant(plain, kind=PROGRAMS[plain])
    return Occupant(name)


def _base(process: Process) -> str:
    """The file name in the first word; login shells have a `-` before theirs."""
    return PurePosixPath(process.argv[0]).name.lstrip("-") if process.argv else ""


def _interpreted(process: Process, interpreter: str) -> Occupant:
    words = process.argv[1:]
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else None
    if module is None and any(word in ("-c", "-e", "-p") for word in words):
        return Occupant(interpreter)
    operand = next((word for word in words if not word.startswith("-")), None)
    if operand is None and module is None:
        return Occupant(interpreter, kind=PROGRAMS.get(interpreter))
    path = PurePosixPath(module or operand or "")
    names = [path.stem, path.name, *(PACKAGES[part] for part in path.parts if part in PACKAGES)]
    program = next((name for name in reversed(names) if name in PROGRAMS), None)
    if program is not None:
        return Occupant(program, kind=PROGRAMS[program])
    return Occupant(path.name or interpreter)


def _operand(argv: tuple[str, ...]) -> str | None:
    """What a shell was told to run: a script's name, or its own for `-c`; None: it reads the terminal."""
    skip = False
    for word in argv[1:]:
        if skip:
            skip = False
        elif word in _TAKES_WORD:
            skip = True
        elif word in ("-", "--"):
            continue
        elif word[0:1] in ("-", "+"):
            if "c" in word[1:] and not word.startswith("--"):
                return PurePosixPath(argv[0]).name.lstrip("-")
            if "s" in word[1:] and not word.startswith("--"):
                return None
        else:
            return PurePosixPath(word).name or word
    return None
