"""The files that are the truth for themselves: read before use, written when the core decides.

Subscriptions and workflows are what their files say; aliases, labels and socket folders are the neighbouring
tools'. Writing happens in threads; one writer a file.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Sequence

from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused, WireError
from tsipc_client.wire.messages import PipelineSaved, Saved, Subscription
from tsipcd.core.effects import StoreData, StoreWorkflow
from tsipcd.core.inputs import Call, DataStored, Input, NamesRead, SubscriptionsRead
from tsipcd.views.data import DataFiles
from tsipcd.views.faults import Changed
from tsipcd.views.names import Names, Neighbours
from tsipcd.views.subscriptions import SubscriptionFile
from tsipcd.views.workflow_list import About, Told, answer
from tsipcd.views.workflows import WorkflowStore
from tsipcd.workflows.definition import Workflow


class Stores:
    """Reads what changed, writes what the core decided."""

    def __init__(
        self,
        data: DataFiles,
        subscriptions: SubscriptionFile,
        workflows: WorkflowStore,
        neighbours: Neighbours,
    ) -> None:
        self._data = data
        self._subscriptions = subscriptions
        self._workflows = workflows
        self._neighbours = neighbours
        self._changing: dict[int, Call] = {}
        """Requests that may change the table, by identity, until they are answered: as long as there are any,
        the core knows better than the file."""
        self._stale = True
        """The core's table is not the file's: nothing was read yet, or a write failed."""
        self._lock = asyncio.Lock()
        self._latest: Sequence[Subscription] = ()
        """The table that was asked to be written last; each holds all changes before it."""
        self._asked = self._written = 0
        """How many tables were asked to be written, and up to which of them the file is."""
        self._read = Names()
        self._told: Names | None = None

    def names_news(self) -> list[Input]:
        """What the core should know of the neighbours' files, if they changed since it was last told."""
        names = self._names()
        if names == self._told:
            return []
        self._told = names
        return [NamesRead(names.aliases, names.labelled)]

    def change_begins(self, call: Call) -> None:
        """The core is asked to change the table: its file is not read before `answered`."""
        self._changing[id(call)] = call

    def answered(self, call: Call) -> None:
        """Whatever the core was asked to change is in the file, or never will be."""
        self._changing.pop(id(call), None)

    def table_news(self) -> list[Input]:
        """The subscription table, if the core has another one than the file.

        Raises `WireError` (BAD_FILE) for a file that cannot be read.
        """
        if self._changing or not (self._stale or self._subscriptions.changed()):
            return []
        table = self._subscriptions.read()
        self._stale = False
        return [SubscriptionsRead(table)]

    def socket_dirs(self) -> tuple[str, ...]:
        """Folders of tmux sockets that the neighbouring tools are set to."""
        return self._names().socket_dirs

    def workflow(self, name: str) -> Workflow:
        """The definition of that name as its file has it now. Raises `WireError`."""
        return self._workflows.read(name).workflow

    def workflow_with_parts(self, name: str) -> tuple[Workflow, tuple[Workflow, ...]]:
        """That definition, and those of the workflows that are steps of it, or of one of them.

        Raises `WireError`, also for a workflow that would be a step of itself.
        """
        whole = self.workflow(name)
        parts: dict[str, Workflow] = {}
        left: list[tuple[Workflow, tuple[str, ...]]] = [(whole, (name,))]
        while left:
            each, above = left.pop()
            for part in each.parts:
                if part in above:
                    raise BadInput(
                        ErrorCode.BAD_PARAMS,
                        f"the workflow {part} would be a step of itself: {' > '.join((*above, part))}",
                        hint="nothing was run",
                    )
                if part not in parts:
                    parts[part] = self.workflow(part)
                left.append((parts[part], (*above, part)))
        return whole, tuple(parts.values())

    async def write_data(self, effect: StoreData) -> DataStored:
        """`SESSION.data` is replaced, or the answer says why not."""
        try:
            await asyncio.to_thread(self._data.store, effect.session, effect.body)
        except OSError as error:
            return DataStored(effect.number, f"{self._data.path(effect.session)}: {error.strerror}")
        return DataStored(effect.number)

    async def write_subscriptions(self, table: Sequence[Subscription]) -> None:
        """The file holds `table`, or a later one. Raises `WireError` if not; the core then reads it anew.

        Those that come while one is being written are one write: each is as long as all subscriptions.
        """
        self._latest = table
        self._asked = mine = self._asked + 1
        try:
            async with self._lock:
                if self._written < mine:
                    written = self._asked
                    await asyncio.to_thread(self._subscriptions.write, self._latest)
                    self._written = written
        except Changed as error:
            self._stale = True
            raise Refused(
                ErrorCode.NOT_ALLOWED, f"{error.path} was edited at the same moment", hint="try again"
            ) from error
        except WireError:
            self._stale = True
            raise
        except OSError as error:
            self._stale = True
            raise _cannot_write(self._subscriptions.path, error) from error

    async def write_workflow(self, effect: StoreWorkflow) -> Saved | PipelineSaved:
        """The workflow's file, after a pipeline's subscription, is on disk. Raises `WireError`."""
        if effect.subscribed is not None:
            await self.write_subscriptions(effect.table)
        try:
            if effect.text:
                return await asyncio.to_thread(
                    self._workflows.write_text, effect.name, effect.text, effect.file, time.time()
                )
            path, replaced = await asyncio.to_thread(
                self._workflows.write, effect.name, effect.steps, time.time()
            )
        except OSError as error:
            raise _cannot_write(f"the workflow {effect.name}", error) from error
        saved = Saved(name=effect.name, path=path, steps=effect.steps, replaced=replaced)
        if effect.subscribed is None:
            return saved
        return PipelineSaved(subscription=effect.subscribed, workflow=saved)

    async def told(self, request: About) -> Told:
        """What the files of workflows, or a text, say about what is asked. Raises `WireError`."""
        try:
            return await asyncio.to_thread(answer, self._workflows, request)
        except OSError as error:
            raise _cannot_write("the workflow", error) from error

    def _names(self) -> Names:
        if self._neighbours.changed():
            self._read = self._neighbours.read()
        return self._read


def _cannot_write(what: str, error: OSError) -> WireError:
    if error.errno == errno.EIO:
        # It may have its name already, and not be on disk.
        return Broken(
            ErrorCode.UNKNOWN_OUTCOME,
            f"{what}: the disk failed; whether it was written is not known",
            hint="repeat the request",
        )
    return Refused(
        ErrorCode.STORAGE_FULL,
        f"{what} cannot be written: {error.strerror}",
        hint="nothing was changed; make room or mend the permissions, then try again",
    )
