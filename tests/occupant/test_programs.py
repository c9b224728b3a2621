"""Who a process is, by its name and its words."""

from __future__ import annotations

import pytest

from tsipcd.tmux.programs import Kind, identify
from tsipcd.tmux.tty import Process


@pytest.mark.parametrize(
    ("name", "words", "shell"),
    [
        ("bash", "-bash", "bash"),
        ("bash", "bash --norc --rcfile x -i", "bash"),
        ("bash", "bash -O extglob", "bash"),
        ("bash", "bash -s a b", "bash"),
        ("zsh", "/usr/bin/zsh -f", "zsh"),
        ("sh", "sh", "sh"),
        ("ksh93", "ksh", "ksh93"),
        ("busybox", "ash", "busybox"),
        ("fish", "fish -N", "fish"),
    ],
)
def test_a_shell_that_reads_the_terminal(name: str, words: str, shell: str) -> None:
    """Login shells and options do not make it anything else."""
    occupant = identify(Process(1, name, tuple(words.split())))
    assert (occupant.name, occupant.shell is not None) == (shell, True)


@pytest.mark.parametrize(
    ("name", "words", "shown"),
    [
        ("bash", "bash ./build.sh --fast", "build.sh"),
        ("bash", "bash -x /opt/deploy", "deploy"),
        ("sh", "sh -c true", "sh"),
        ("sh", "/bin/sh -ec true", "sh"),
        ("sleep", "sleep 10", "sleep"),
        ("npm", "npm run build", "npm"),
        ("python3.11", "python3.11 /srv/app.py", "app.py"),
        ("python3", "python3 -c pass", "python"),
        ("node", "node server.js", "server.js"),
        ("perl", "perl", "perl"),
        ("vanished", "", "vanished"),
    ],
)
def test_a_program_that_is_not_typed_into(name: str, words: str, shown: str) -> None:
    """Scripts, and what is not in the table."""
    occupant = identify(Process(1, name, tuple(words.split())))
    assert (occupant.name, occupant.shell, occupant.kind) == (shown, None, None)


@pytest.mark.parametrize(
    ("name", "words", "shown", "kind"),
    [
        ("python3.11", "python3.11 -q", "python", Kind.CONSOLE),
        ("python3", "/usr/bin/python3 /usr/bin/ipython", "ipython", Kind.CONSOLE),
        ("python3", "python3 -m IPython", "ipython", Kind.CONSOLE),
        ("node", "node", "node", Kind.CONSOLE),
        ("psql", "psql db", "psql", Kind.CONSOLE),
        ("ssh", "ssh host", "ssh", Kind.REMOTE),
        ("claude", "claude", "claude", Kind.AGENT),
        ("node", "node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "claude", Kind.AGENT),
        ("node", "node /usr/local/bin/gemini", "gemini", Kind.AGENT),
        ("node", "node /x/@openai/codex/bin/codex.js", "codex", Kind.AGENT),
        ("python3", "python3 /home/me/.local/bin/aider", "aider", Kind.AGENT),
    ],
)
def test_a_program_that_reads_lines(name: str, words: str, shown: str, kind: Kind) -> None:
    """By its own name, or by that of the script that an interpreter runs."""
    occupant = identify(Process(1, name, tuple(words.split())))
    assert (occupant.name, occupant.shell, occupant.kind) == (shown, None, kind)
