"""What the service may not do, and that it can do all it must."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.systemd.conftest import ROOT, SERVICE, UserManager

UNIT = ROOT / "systemd" / SERVICE
MOST_EXPOSURE = 60
"""Tenths of what `systemd-analyze security` counts; the page argues each thing that is left."""

CONFINES = re.compile(
    r"^((?:NoNewPrivileges|Restrict|LockPersonality|MemoryDeny|SystemCall|Keyring|LimitCORE|UMask)\w*=.*)$",
    re.MULTILINE,
)

TRY = """
import ctypes, errno, mmap, os, resource, socket, termios
libc = ctypes.CDLL(None, use_errno=True)

def told(name, attempt):
    try:
        answer = attempt()
    except OSError as error:
        print(name, errno.errorcode[error.errno])
    else:
        if isinstance(answer, int) and answer < 0:
            print(name, errno.errorcode[ctypes.get_errno()])
        else:
            print(name, "allowed")

told("socket AF_UNIX", lambda: socket.socket(socket.AF_UNIX))
told("socket AF_INET", lambda: socket.socket(socket.AF_INET))
told("socket AF_NETLINK", lambda: socket.socket(socket.AF_NETLINK))
told("nice", lambda: os.nice(1))
told("getrlimit", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
told("inotify", libc.inotify_init)
told("terminal", os.openpty)
told("environment of the caller", lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(1))
told("unshare", lambda: libc.unshare(0x20000000))
told("writable code", lambda: mmap.mmap(-1, 4096, prot=7))
told("keyring", lambda: libc.syscall(250, 0, -3, 0))
told("ptrace", lambda: libc.ptrace(0, 0, 0, 0))
told("setuid file", lambda: os.chmod(os.open(os.environ["HOME"] + "/f", os.O_CREAT), 0o4755))
told("scheduler", lambda: os.sched_setaffinity(0, {0}))
told("mount", lambda: libc.mount(b"x", b"/mnt", b"tmpfs", 0, None))
"""
ALLOWED = {"socket AF_UNIX", "nice", "getrlimit", "inotify", "terminal", "environment of the caller"}


def analysed(*arguments: str, unit: Path, runtime: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "security", "--user", "--offline=true", "--no-pager", *arguments, unit],
        env={"XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unrecognized option" in done.stderr or "Unknown" in done.stderr:
        pytest.skip(f"this systemd-analyze cannot look at a file: {done.stderr.strip()}")
    return done


def test_no_more_is_open_than_the_page_says(tmp_path: Path) -> None:
    """Within the stated exposure; and without one of its lines it is not."""
    done = analysed(f"--threshold={MOST_EXPOSURE}", unit=UNIT, runtime=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    looser = tmp_path / SERVICE
    looser.write_text(UNIT.read_text().replace("RestrictAddressFamilies=", "#"))
    assert analysed(f"--threshold={MOST_EXPOSURE}", unit=looser, runtime=tmp_path).returncode != 0


def test_each_thing_left_open_is_argued(tmp_path: Path) -> None:
    """docs/operations.md names every setting that systemd misses, and none that is set."""
    done = analysed("--json=short", unit=UNIT, runtime=tmp_path)
    missed = {
        name if name.startswith(("RestrictAddress", "SystemCall")) else f"{name.partition('=')[0]}="
        for row in json.loads(done.stdout)
        if row["set"] is False
        for name in re.split(r"/(?=[A-Z])", row["name"])
    }
    page = (ROOT / "docs/operations.md").read_text()
    table = page[page.index("| not set | why |") :].partition("\n\n")[0]
    settings = [line.split("|")[1] for line in table.splitlines()[2:]]
    argued = {name for text in settings for name in re.findall(r"`([^`]*)`", text)}
    # Which of them it counts differs a little from release to release.
    assert missed <= argued
    assert "MemoryDenyWriteExecute=" not in argued


@pytest.mark.systemd
@pytest.mark.xdist_group("systemd")
def test_it_can_do_what_it_must_and_nothing_else(manager: UserManager) -> None:
    """In a service with the same confinement: what the daemon needs works, and the rest is refused."""
    confined = [f"--property={line}" for line in CONFINES.findall(UNIT.read_text())]
    assert len(confined) >= 12
    for properties, allowed in ((confined, ALLOWED), ([], None)):
        done = manager.run(
            "systemd-run", "--user", "--wait", "--pipe", "-q", *properties, sys.executable, "-c", TRY
        )
        assert done.returncode == 0, done.stderr
        answers = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
        open_ = {name for name, answer in answers.items() if answer == "allowed"}
        if allowed is not None:
            assert open_ == allowed, answers
        else:
            assert open_ > ALLOWED, answers  # the refusals above are the sandbox's
