"""Hostile bodies: typed byte for byte, shown and not run, stored as they are."""

from __future__ import annotations

import json
import os
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.conftest import Attached, unsafe_in
from tests.security.hostile import BODIES, MOVING
from tests.support.daemon import Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipc_client.wire.text import visible
from tsipcd.tmux import notify

pytestmark = pytest.mark.tmux


def show_text_raw() -> None:
    """Without the safeguard: a text is shown with the styles that are in it."""
    vars(notify)["as_shown"] = lambda text, _version: text


def test_a_command_is_typed_byte_for_byte(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """What a program reads is what was sent, and nothing of it was expanded on the way."""
    out = short_path / "out"
    tmux.run("set-option", "-s", "@evil", f"#(touch {short_path}/pwned)", check=False)
    tmux.run("new-session", "-d", "-s", "cat", f"exec cat >{out}")
    for body in BODIES:
        daemon.call("send", source="t", target="cat", message=body, now=True)
    wanted = "".join(f"{body}\n" for body in BODIES).encode()
    until(lambda: len(out.read_bytes()) >= len(wanted), what="all of it was read", within_s=60)
    assert out.read_bytes() == wanted
    assert not list(short_path.rglob("pwned"))


def test_a_shell_gets_the_very_characters(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """In single quotes nothing is run: a shell's variable holds what was sent."""
    tmux.session("sh")
    out = short_path / "out"
    bodies = [body for body in BODIES if "'" not in body and len(body) < 300]
    for body in bodies:
        daemon.call("send", source="t", target="sh", message=f"x='{body}'; printf '%s\\n' \"$x\" >>{out}")
    wanted = "".join(f"{body}\n" for body in bodies)
    until(lambda: out.exists() and len(out.read_text()) >= len(wanted), what="all was run", within_s=60)
    assert out.read_text() == wanted
    assert not list(short_path.rglob("pwned"))


def test_a_megabyte_arrives_whole(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """The largest body, into a program that reads key by key."""
    out = short_path / "out"
    tmux.run("new-session", "-d", "-s", "raw", f"stty raw -echo; exec cat >{out}")
    until(out.exists, what="it reads")
    body = "".join(f"#({number}) $x ;" for number in range(80_000))[:1_000_000]
    daemon.call("send", source="t", target="raw", message=body, now=True)
    until(lambda: out.stat().st_size >= len(body), what="all of it was read", within_s=90)
    assert out.read_text().rstrip("\r\n") == body


def test_controls_are_not_typed_unless_asked_for(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """Escape sequences are refused as a command, by name; `raw` types them, but ends no paste early."""
    out = short_path / "out"
    tmux.run("new-session", "-d", "-s", "raw", f"stty raw -echo; printf '\\033[?2004h'; exec cat >{out}")
    until(out.exists, what="it reads")
    for body in MOVING:
        answer = call(daemon.socket_path, "send", source="t", target="raw", message=body, now=True)
        is_control = any(unicodedata.category(char) == "Cc" for char in body if char != "\n")
        assert ("error" in answer) == is_control, (body, answer)
        assert not unsafe_in(json.dumps(answer, ensure_ascii=False))
    daemon.call("send", source="t", target="raw", message="a\x1b[201~touch pwned\n", now=True, raw=True)
    until(lambda: b"touch pwned" in out.read_bytes(), what="it was typed", within_s=60)
    pasted = out.read_bytes().rpartition(b"\x1b[200~")[2]
    assert pasted.count(b"\x1b[201~") == 1
    assert pasted.index(b"touch pwned") < pasted.index(b"\x1b[201~")


def shows(terminal: Attached, text: str) -> bool:
    return text[:150] in terminal.screen()


def test_a_notification_is_shown_and_not_run(
    daemon: Daemon, tmux: Tmux, short_path: Path, attach: Callable[[str], Attached]
) -> None:
    """On a real terminal, as it was written; what would move it is made visible."""
    tmux.session("work")
    tmux.run("set-option", "-g", "display-time", "0")
    tmux.run("set-option", "-g", "@evil", f"#(touch {short_path}/pwned)")
    terminal = attach("work")
    for body in (*BODIES, *MOVING):
        daemon.call("send", source="t", target="work", message=body, type="notification")
        shown = visible(body).strip()
        until(lambda shown=shown: shows(terminal, shown), what=f"{shown!r} is shown", within_s=60)  # type: ignore[misc]
        assert "red" not in shown or "\x1b[31m" not in terminal.styled()
    assert not list(short_path.rglob("pwned"))
    assert tmux.run("show-buffer", check=False) == ""
    assert "title" not in tmux.run("list-panes", "-a", "-F", "#{pane_title}")


def test_without_doubling_styles_in_a_notification_would_work(
    make: Callable[..., Daemon], tmux: Tmux, attach: Callable[[str], Attached]
) -> None:
    """The test above can fail."""
    daemon = make(weakened=f"{__name__}:{show_text_raw.__name__}")
    tmux.session("work")
    tmux.run("set-option", "-g", "display-time", "0")
    terminal = attach("work")
    daemon.start()
    daemon.call("send", source="t", target="work", message="#[fg=red]red alert", type="notification")
    until(lambda: shows(terminal, "red alert"), what="it is shown")
    assert not shows(terminal, "#[fg=red]")


def test_data_is_stored_byte_for_byte(daemon: Daemon) -> None:
    """Also what moves terminals: the file is for programs. The views beside it show it safely."""
    daemon.call("subscribe", session="b", event="e")
    for body in (*BODIES, *MOVING, "x" * 1_000_000):
        sent = daemon.call("send", source="a", target="b", message=body, type="data")
        until(lambda sent=sent: daemon.status_of(sent["id"]) == "delivered", what="it is stored")  # type: ignore[misc]
        assert (daemon.directory / "b.data").read_bytes() == body.encode()
        assert (daemon.directory / "b.data").stat().st_mode & 0o777 == 0o600
    queue = daemon.directory / "queue"
    until(lambda: len(list(queue.glob("*.json"))) >= len(BODIES), what="the views are written")
    for path in queue.glob("*.json"):
        assert not unsafe_in(path.read_text()), path


@pytest.mark.parametrize("body", [b'"\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"'])
def test_what_is_no_unicode_is_refused(daemon: Daemon, body: bytes) -> None:
    """Half a surrogate pair, bytes that are no UTF-8, an overlong NUL: no text, and no message."""
    answer = raw_line(
        daemon, b'{"id":1,"method":"send","params":{"source":"a","target":"b","message":%s}}\n' % body
    )
    assert "error" in answer
    assert daemon.serves()
    assert daemon.call("queue")["messages"] == []


def raw_line(daemon: Daemon, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(os.fspath(daemon.socket_path))
        connection.sendall(line)
        return json.loads(connection.makefile("rb").readline())  # type: ignore[no-any-return]
