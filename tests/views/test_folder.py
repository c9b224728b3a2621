"""The folder's guarantees: ours alone, and nothing planted in it is followed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tsipc_client.wire.errors import ErrorCode, WireError
from tsipcd.views.folder import Folder


def listed(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def refused(call: object, *args: object) -> str:
    assert callable(call)
    with pytest.raises(WireError) as caught:
        call(*args)
    assert caught.value.code is ErrorCode.BAD_FILE
    return caught.value.message


def test_a_missing_folder_is_made_for_us_alone(state: Path, folder: Folder) -> None:
    """0700, with its parents; so is a folder in it."""
    folder.sub("queue").close()
    assert mode(state) == 0o700
    assert mode(state / "queue") == 0o700


def test_an_open_folder_is_closed_to_others(state: Path) -> None:
    """One that a person made with `mkdir` is tightened."""
    state.mkdir(parents=True)
    state.chmod(0o755)
    Folder.open(str(state)).close()
    assert mode(state) == 0o700


def test_a_linked_folder_is_refused(state: Path, tmp_path: Path) -> None:
    """A symbolic link could lead anywhere."""
    (tmp_path / "elsewhere").mkdir()
    state.parent.mkdir()
    state.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refused(Folder.open, str(state))


def test_a_file_in_place_of_the_folder_is_refused(state: Path) -> None:
    """And says so."""
    state.parent.mkdir()
    state.write_text("")
    assert "no folder" in refused(Folder.open, str(state))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused(state: Path) -> None:
    """Its owner could read and replace everything."""
    state.mkdir(parents=True)
    os.chown(state, 65534, 65534)
    assert "belongs to uid 65534" in refused(Folder.open, str(state))


def test_a_replaced_file_is_ours_alone(state: Path, folder: Folder) -> None:
    """0600 whatever its predecessor had, and nothing is left beside it."""
    (state / "f").write_text("old")
    (state / "f").chmod(0o666)
    folder.replace("f", b"new")
    assert (state / "f").read_bytes() == b"new"
    assert mode(state / "f") == 0o600
    assert listed(state) == ["f"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_planted_link_is_replaced_not_written_through(
    state: Path, folder: Folder, tmp_path: Path, durable: bool
) -> None:
    """The victim of a symbolic or a hard link keeps its content."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (state / "soft").symlink_to(victim)
    os.link(victim, state / "hard")
    os.mkfifo(state / "pipe")
    for name in ("soft", "hard", "pipe"):
        folder.replace(name, b"ours", durable=durable)
        assert (state / name).read_bytes() == b"ours"
        assert not (state / name).is_symlink()
    assert victim.read_text() == "precious"


def test_a_temporary_file_that_is_there_already_is_not_used(
    state: Path, folder: Folder, tmp_path: Path
) -> None:
    """Left by a killed life or planted as a link: it goes away, and what it points to stays."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for number in range(3):
        (state / f".tmp-{number}").symlink_to(victim)
    folder.replace("f", b"ours")
    assert (state / "f").read_bytes() == b"ours"
    assert victim.read_text() == "precious"
    folder.sweep()
    assert listed(state) == ["f"]


def test_a_failed_replacement_leaves_the_old_file(state: Path, folder: Folder) -> None:
    """Whether the last look forbids it or the place is taken by a folder; nothing is left over."""
    folder.replace("f", b"old")
    (state / "d").mkdir()

    def forbid() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        folder.replace("f", b"new", check=forbid)
    with pytest.raises(OSError, match="directory"):
        folder.replace("d", b"new")
    assert (state / "f").read_bytes() == b"old"
    assert listed(state) == ["d", "f"]


def plant(state: Path, kind: str) -> Path:
    path = state / kind
    match kind:
        case "soft":
            (state / "target").write_text("x")
            path.symlink_to("target")
        case "dangling":
            path.symlink_to("nowhere")
        case "hard":
            (state / "target").write_text("x")
            os.link(state / "target", path)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as sock, pytest.MonkeyPatch.context() as patch:
                patch.chdir(state)
                sock.bind(kind)
    return path


@pytest.mark.parametrize("kind", ["soft", "dangling", "hard", "pipe", "folder", "socket"])
def test_what_is_no_plain_file_is_not_read(state: Path, folder: Folder, kind: str) -> None:
    """Refused at once, with its path; a pipe does not keep us waiting."""
    path = plant(state, kind)
    assert refused(folder.read_text, kind).startswith(f"{path}: it ")


@pytest.mark.parametrize("kind", ["soft", "dangling", "hard", "pipe", "folder", "socket"])
def test_what_is_no_plain_file_is_not_appended_to(state: Path, folder: Folder, kind: str) -> None:
    """Refused at once, and nothing is made where a link points to."""
    plant(state, kind)
    refused(folder.open_appending, kind)
    assert not (state / "nowhere").exists()


def test_a_file_is_read_within_its_limit(state: Path, folder: Folder) -> None:
    """Absent is None; too large and not UTF-8 are refused, the latter with its line."""
    (state / "f").write_bytes(b"\xef\xbb\xbf12345")
    (state / "bad").write_bytes(b"a\nb\xff")
    assert folder.read_text("absent") is None
    assert folder.read_text("f") == "12345"
    assert "larger than 7 bytes" in refused(folder.read_text, "f", 7)
    assert "line 2: it is not UTF-8" in refused(folder.read_text, "bad")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(state: Path, folder: Folder) -> None:
    """As a fact about the file, not as a defect of ours."""
    (state / "f").touch(0)
    assert "not allowed" in refused(folder.read_text, "f")


def test_appending_goes_to_the_end(state: Path, folder: Folder) -> None:
    """Whoever else wrote there; a new file is ours alone."""
    fd = folder.open_appending("log")
    (state / "log").write_bytes(b"theirs ")
    os.write(fd, b"ours")
    os.close(fd)
    assert (state / "log").read_bytes() == b"theirs ours"
    assert mode(state / "log") == 0o600


def test_removing_a_link_leaves_what_it_points_to(state: Path, folder: Folder) -> None:
    """And what is not there need not be removed."""
    (state / "target").write_text("x")
    (state / "link").symlink_to("target")
    folder.remove("link")
    folder.remove("link")
    assert folder.names() == ["target"]


def test_every_version_of_a_file_has_its_own_signature(state: Path, folder: Folder) -> None:
    """Replaced, rewritten in place, gone."""
    assert folder.signature("f") is None
    seen = set()
    for text in (b"a", b"b"):
        folder.replace("f", text)
        seen.add(folder.signature("f"))
    (state / "f").write_text("longer")
    seen.add(folder.signature("f"))
    assert len(seen) == 3
