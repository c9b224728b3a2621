"""`queue/msg-N.json`: what waits and what ended lately, each file whole, written soon and together."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.wait import until
from tsipc_client.wire.messages import MessageType, MessageView, Status
from tsipcd.core.delivery import ENDED
from tsipcd.views.folder import Folder
from tsipcd.views.queue import QueueView, content

if TYPE_CHECKING:
    from tests.views.conftest import Jq

AT = 1759295723.5  # 2025-10-01T05:15:23.5Z


def message(number: int, status: Status = Status.HELD, **more: Any) -> MessageView:
    fields: dict[str, Any] = {
        "id": f"msg-{number}",
        "source": "claude-blacklist",
        "target": "claude-manager",
        "type": MessageType.COMMAND,
        "message": 'echo "Test"',
        "size_bytes": 11,
        "timestamp": AT,
        "status": status,
    }
    return MessageView(**(fields | more))


@pytest.fixture
def path(state: Path) -> Path:
    return state / "queue"


class Shelf:
    """What the folder shows, and the folder: messages are put here as the core would change them."""

    def __init__(self, folder: Folder) -> None:
        self.messages: dict[int, MessageView] = {}
        self.is_settled = True
        self.view_ = QueueView(folder.sub("queue"), self, keep_ended=3, keep_waiting=5, delay_s=0.001)

    def update(self, messages: Iterable[MessageView]) -> None:
        """These came or changed."""
        for message in messages:
            number = int(message.id.removeprefix("msg-"))
            if message.status in ENDED:  # in the order of their ending
                self.messages.pop(number, None)
            self.messages[number] = message
            self.view_.changed([number])

    def forget(self, *numbers: int) -> None:
        """The core has dropped these."""
        for number in numbers:
            del self.messages[number]

    async def flush(self) -> None:
        await self.view_.flush()

    def listed(self, waiting: int, ended: int) -> tuple[set[int], bool]:
        over = [number for number, view in self.messages.items() if view.status in ENDED]
        rest = sorted(self.messages.keys() - set(over))
        return {*rest[-waiting:], *over[-ended:]}, len(rest) <= waiting

    def view(self, number: int) -> MessageView | None:
        return self.messages.get(number)

    async def settled(self) -> bool:
        return self.is_settled


@pytest.fixture
async def view(folder: Folder) -> AsyncIterator[Shelf]:
    shelf = Shelf(folder)
    yield shelf
    shelf.is_settled = True
    await shelf.view_.close()


def all_names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def numbers(path: Path) -> list[int]:
    return sorted(int(file.stem.removeprefix("msg-")) for file in path.glob("msg-[0-9]*.json"))


def test_the_form_is_the_designs() -> None:
    """The named keys in their order, then only those that say something."""
    plain = content(message(123))
    assert plain.decode() == (
        "{\n"
        '  "id": "msg-123",\n'
        '  "from": "claude-blacklist",\n'
        '  "to": "claude-manager",\n'
        '  "message": "echo \\"Test\\"",\n'
        '  "type": "command",\n'
        '  "timestamp": "2025-10-01T05:15:23+00:00",\n'
        '  "status": "held"\n'
        "}\n"
    )
    full = message(1, Status.DONE, reason="r", event="e", run="run-3", observed="o", exit_code=0)
    assert json.loads(content(full)).items() > {
        "reason": "r", "event": "e", "run": "run-3", "observed": "o", "exit_code": 0
    }.items()  # fmt: skip


def test_a_body_cannot_move_the_terminal_that_shows_the_file() -> None:
    """Escapes and direction marks are JSON escapes; the value is the same."""
    body = "\x1b]0;x\x07 \x9b31m \u202e \x7f 세션\n"
    data = content(message(1, message=body)).decode()
    assert json.loads(data)["message"] == body
    assert {unicodedata.category(char) for char in data.replace("\n", "")}.isdisjoint({"Cc", "Cf"})


async def test_jq_reads_the_folder(view: Shelf, path: Path, jq: Jq) -> None:
    """As a person would ask it."""
    view.update([message(1)])
    await view.flush()
    assert jq('.from + " → " + .to + " [" + .status + "]"', path / "msg-1.json") == (
        "claude-blacklist → claude-manager [held]\n"
    )
    assert (path / "msg-1.json").stat().st_mode & 0o7777 == 0o600


async def test_a_change_is_shown_without_being_asked_for(view: Shelf, path: Path) -> None:
    """Soon after, and again after the next change."""
    for status in (Status.HELD, Status.DELIVERED):
        view.update([message(1, status)])
        await eventually(lambda status=status: status_of(path / "msg-1.json") == status)  # type: ignore[misc]


def status_of(file: Path) -> str:
    return str(json.loads(file.read_text())["status"]) if file.exists() else ""


async def eventually(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, condition, what="the view shows it")


async def test_a_burst_is_one_write_for_each_message(view: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often each changed, and off the loop's thread."""
    written = []
    replace = Folder.replace

    def spy(self: Folder, name: str, data: bytes, **options: Any) -> None:
        written.append((name, threading.get_ident() != loop_thread, options["durable"]))
        replace(self, name, data, **options)

    loop_thread = threading.get_ident()
    monkeypatch.setattr(Folder, "replace", spy)
    for status in (Status.ACCEPTED, Status.HELD, Status.INTENT, Status.DELIVERED):
        view.update(message(number, status) for number in (1, 2))
    await view.flush()
    await view.flush()
    assert written == [("msg-1.json", True, False), ("msg-2.json", True, False)]


async def test_the_last_that_ended_are_kept(view: Shelf, path: Path) -> None:
    """And all that wait, older or not."""
    view.update([message(1)])
    for number in range(2, 8):
        view.update([message(number)])
        view.update([message(number, Status.DONE)])
        await view.flush()
    assert numbers(path) == [1, 5, 6, 7]


async def test_in_doubt_is_not_over(view: Shelf, path: Path) -> None:
    """Somebody has to decide: it stays."""
    view.update([message(1, Status.IN_DOUBT)])
    view.update(message(number, Status.FAILED) for number in range(2, 9))
    await view.flush()
    assert numbers(path) == [1, 6, 7, 8]


async def test_what_was_forgotten_loses_its_file(view: Shelf, path: Path) -> None:
    """Written or not yet written."""
    view.update([message(1), message(2)])
    await view.flush()
    view.update([message(3), message(4)])
    view.forget(1, 3)
    await view.flush()
    assert numbers(path) == [2, 4]


async def test_of_too_many_the_newest_are_shown(view: Shelf, path: Path) -> None:
    """A note beside them says so, until there is room again."""
    view.update(message(number) for number in range(1, 9))
    await view.flush()
    assert numbers(path) == [4, 5, 6, 7, 8]
    assert "newest" in (path / "not-all.txt").read_text()
    view.update([message(1, reason="still")])
    await view.flush()
    assert numbers(path) == [4, 5, 6, 7, 8]
    for number in (6, 7, 8):
        view.update([message(number, Status.DELIVERED)])
    await view.flush()
    assert numbers(path) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not (path / "not-all.txt").exists()


async def test_a_burst_that_nobody_can_see_costs_no_file(
    view: Shelf, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came and went before anything was written is not written, and not remembered."""
    written = []
    replace = Folder.replace

    def spy(self: Folder, name: str, data: bytes, **options: Any) -> None:
        written.append(name)
        replace(self, name, data, **options)

    monkeypatch.setattr(Folder, "replace", spy)
    for number in range(1, 500):
        view.update([message(number)])
        view.update([message(number, Status.DONE)])
    await view.flush()
    assert numbers(path) == [497, 498, 499]
    assert written == ["msg-497.json", "msg-498.json", "msg-499.json"]
    assert not view.view_._changed


async def test_what_is_not_durable_is_not_shown(view: Shelf, path: Path) -> None:
    """It is once it is, without another change."""
    view.is_settled = False
    view.update([message(1)])
    await view.flush()
    assert numbers(path) == []
    view.is_settled = True
    await eventually(lambda: numbers(path) == [1])


async def test_the_first_write_leaves_exactly_what_is_listed(view: Shelf, path: Path, folder: Folder) -> None:
    """Strays go, what differs is written, what is right stays untouched, what is not ours is left alone."""
    sub = folder.sub("queue")
    for number in (1, 2, 3):
        sub.replace(f"msg-{number}.json", content(message(number)))
    sub.replace("msg-4.json", b"half")
    for name in (".tmp-7", "notes.txt", "msg-x.json", "not-all.txt"):
        (path / name).write_text("")
    before = {number: (path / f"msg-{number}.json").stat().st_ino for number in (2, 4)}
    view.messages = {number: message(number) for number in (2, 4, 5)}
    view.view_.start()
    await view.flush()
    assert all_names(path) == ["msg-2.json", "msg-4.json", "msg-5.json", "msg-x.json", "notes.txt"]
    assert (path / "msg-2.json").stat().st_ino == before[2]
    assert json.loads((path / "msg-4.json").read_text())["id"] == "msg-4"


async def test_deleting_the_files_loses_nothing(view: Shelf, path: Path) -> None:
    """The next change of a message writes its file again, even into a new folder of the same content."""
    view.update([message(1)])
    await view.flush()
    (path / "msg-1.json").unlink()
    view.update([message(1, Status.DELIVERED)])
    await view.flush()
    assert status_of(path / "msg-1.json") == "delivered"


async def test_a_planted_link_is_replaced_and_a_folder_is_left_out(
    view: Shelf, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are written; the reason is logged."""
    (tmp_path / "victim").write_text("precious")
    (path / "msg-1.json").symlink_to(tmp_path / "victim")
    (path / "msg-2.json").mkdir()
    view.update(message(number) for number in (1, 2, 3))
    await view.flush()
    assert (tmp_path / "victim").read_text() == "precious"
    assert [status_of(path / f"msg-{number}.json") for number in (1, 3)] == ["held", "held"]
    assert "msg-2.json cannot be written" in caplog.text


async def test_a_full_disk_is_waited_out(
    view: Shelf, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost, and it is said once."""
    full = True
    replace = Folder.replace

    def limited(self: Folder, name: str, data: bytes, **options: Any) -> None:
        if full:
            raise OSError(28, "No space left on device")
        replace(self, name, data, **options)

    monkeypatch.setattr(Folder, "replace", limited)
    view.update([message(1), message(2)])
    await view.flush()
    await view.flush()
    assert caplog.text.count("No space left") == 1
    full = False
    view.update([message(2, Status.DONE)])
    await view.flush()
    assert [status_of(path / f"msg-{number}.json") for number in (1, 2)] == ["held", "done"]


async def flush_while(view: Shelf, happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush; something happens while the first file is written, which then fails. Flush again."""
    loop = asyncio.get_running_loop()
    happened = threading.Event()
    replace = Folder.replace

    def happen() -> None:
        happens()
        happened.set()

    def fail_once(self: Folder, name: str, data: bytes, **options: Any) -> None:
        if not happened.is_set():
            loop.call_soon_threadsafe(happen)
            happened.wait(20)
            raise OSError(28, "No space left on device")
        replace(self, name, data, **options)

    monkeypatch.setattr(Folder, "replace", fail_once)
    await view.flush()
    await view.flush()


async def test_what_changes_while_it_is_being_written_is_not_lost(
    view: Shelf, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer state wins over one that could not be written in time."""
    view.update([message(1)])
    await flush_while(view, lambda: view.update([message(1, Status.DELIVERED)]), monkeypatch)
    assert status_of(path / "msg-1.json") == "delivered"


async def test_what_is_forgotten_while_it_is_being_written_leaves_no_stray(
    view: Shelf, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what could not be written in time nor what is there already."""
    (path / "msg-9.json").write_text("stray")
    view.update([message(1)])

    def replaced() -> None:
        view.forget(1)
        view.update([message(2)])

    await flush_while(view, replaced, monkeypatch)
    assert numbers(path) == [2]


async def test_a_deleted_folder_is_filled_again(view: Shelf, path: Path) -> None:
    """By the next change of any message."""
    view.update([message(1), message(2)])
    await view.flush()
    shutil.rmtree(path)
    view.update([message(2, Status.DONE)])
    await view.flush()
    assert [status_of(path / f"msg-{number}.json") for number in (1, 2)] == ["held", "done"]


async def test_a_reader_never_sees_half_a_file(view: Shelf, path: Path) -> None:
    """However long the body is and however often it changes."""
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        while not stop.is_set():
            for file in path.glob("msg-*.json"):
                try:
                    json.loads(file.read_text())
                except FileNotFoundError:
                    continue
                except ValueError as exc:
                    broken.append(str(exc))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(100):
        view.update([message(1, message="x" * 200_000, reason=str(turn))])
        await view.flush()
    stop.set()
    reader.join()
    assert broken == []
