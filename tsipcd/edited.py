"""The files that people edit, read as the daemon would read them: `python -m tsipcd.edited FOLDER`.

Prints a JSON list of those that it would refuse, and why. Changes nothing; `ts-ipc doctor` runs it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tsipc_client.wire.errors import WireError
from tsipcd import config
from tsipcd.views.folder import Folder
from tsipcd.views.subscriptions import SubscriptionFile
from tsipcd.views.workflows import WorkflowStore


def refusals(directory: Path) -> Iterator[dict[str, str]]:
    """Each file that the daemon would refuse."""
    folder = _opened(directory)
    if folder is None:
        return
    yield from _refusal(lambda: config.load(folder), "config.toml: the daemon does not start with it")
    yield from _refusal(
        SubscriptionFile(folder).read,
        "subscriptions.json: nobody can subscribe or publish until it is mended",
    )
    workflows = _opened(directory / "workflows")
    if workflows is None:
        return
    store = WorkflowStore(workflows)
    for name in store.names():
        yield from _refusal(lambda name=name: store.read(name), f"workflow {name}: it cannot be run")  # type: ignore[misc]


def _refusal(read: Callable[[], object], what: str) -> Iterator[dict[str, str]]:
    try:
        read()
    except WireError as exc:
        yield {"what": what, "problem": exc.message, "hint": exc.hint}
    except OSError as exc:
        yield {"what": what, "problem": f"it cannot be read: {exc.strerror}", "hint": ""}


def _opened(directory: Path) -> Folder | None:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    return Folder(fd, str(directory))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(list(refusals(Path(sys.argv[1])))) + "\n")
