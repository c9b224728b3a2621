"""The verbs of both clients about definitions and about runs that were started."""

from __future__ import annotations

from tsipc_client.asking import expect
from tsipc_client.exchange import OnProgress
from tsipc_client.wire import messages as m


class RunVerbs:
    """Those of the blocking client."""

    def _call(self, request: m.Request, on_progress: OnProgress | None, timeout_s: float | None) -> m.Result:
        raise NotImplementedError

    def call(self, request: m.Request, on_progress: OnProgress | None = None) -> m.Result:
        """The answer to any request. Raises `WireError`."""
        raise NotImplementedError

    def validate(self, name: str = "", *, text: str = "", strict: bool = False) -> m.Validated:
        """Look for faults in a workflow's definition: in a `text`, or in the file of the workflow `name`."""
        return expect(m.Validated, self.call(m.Validate(name=name, text=text, strict=strict)))

    def runs(self, *, limit: int = 20) -> m.RunList:
        """The latest workflow runs, oldest first."""
        return expect(m.RunList, self.call(m.Runs(limit=limit)))

    def workflows(self) -> m.WorkflowList:
        """All workflows, by name."""
        return expect(m.WorkflowList, self.call(m.Workflows()))

    def graph(self, name: str = "", *, text: str = "") -> m.GraphView:
        """What waits for what in a workflow, or in a `text` in the language of workflows."""
        return expect(m.GraphView, self.call(m.Graph(name=name, text=text)))

    def rm(self, name: str) -> m.Removed:
        """Remove a workflow. Its runs go on."""
        return expect(m.Removed, self.call(m.Rm(name=name)))

    def pause(self, id: str) -> m.RunNow:  # noqa: A002 - its name on the wire
        """Begin nothing more of a run until it is resumed."""
        return expect(m.RunNow, self.call(m.Pause(id=id)))

    def resume(self, id: str) -> m.RunNow:  # noqa: A002 - its name on the wire
        """Let a run go on that was paused."""
        return expect(m.RunNow, self.call(m.Resume(id=id)))

    def approve(self, id: str, step: str = "") -> m.RunNow:  # noqa: A002 - its name on the wire
        """Say yes to what a step of a run asks."""
        return expect(m.RunNow, self.call(m.Approve(id=id, step=step)))

    def reject(self, id: str, step: str = "") -> m.RunNow:  # noqa: A002 - its name on the wire
        """Say no to it."""
        return expect(m.RunNow, self.call(m.Reject(id=id, step=step)))

    def rerun(
        self,
        id: str,  # noqa: A002 - its name on the wire
        on_progress: OnProgress | None = None,
        *,
        failed: bool = False,
        begin_with: str = "",
        follow: bool = True,
        key: str = "",
    ) -> m.RunEnded:
        """Run again what has run: all of it, what went wrong, or from a step on. Returns as `run` does."""
        request = m.Rerun(id=id, failed=failed, begin_with=begin_with, follow=follow, key=key)
        return expect(m.RunEnded, self._call(request, on_progress, None))

    def watch(
        self,
        id: str,  # noqa: A002 - its name on the wire
        on_progress: OnProgress | None = None,
        *,
        follow: bool = False,
    ) -> m.RunEnded:
        """A run as it is; with `follow` as it is when it has ended."""
        return expect(m.RunEnded, self._call(m.Watch(id=id, follow=follow), on_progress, None))

    def explain(self, id: str, step: str) -> m.Explained:  # noqa: A002 - its name on the wire
        """Why a step of a run is where it is."""
        return expect(m.Explained, self.call(m.Explain(id=id, step=step)))


class AsyncRunVerbs:
    """Those of the asyncio client."""

    async def _call(
        self, request: m.Request, on_progress: OnProgress | None, timeout_s: float | None
    ) -> m.Result:
        raise NotImplementedError

    async def call(self, request: m.Request, on_progress: OnProgress | None = None) -> m.Result:
        """The answer to any request. Raises `WireError`."""
        raise NotImplementedError

    async def validate(self, name: str = "", *, text: str = "", strict: bool = False) -> m.Validated:
        """Look for faults in a workflow's definition: in a `text`, or in the file of the workflow `name`."""
        return expect(m.Validated, await self.call(m.Validate(name=name, text=text, strict=strict)))

    async def runs(self, *, limit: int = 20) -> m.RunList:
        """The latest workflow runs, oldest first."""
        return expect(m.RunList, await self.call(m.Runs(limit=limit)))

    async def workflows(self) -> m.WorkflowList:
        """All workflows, by name."""
        return expect(m.WorkflowList, await self.call(m.Workflows()))

    async def graph(self, name: str = "", *, text: str = "") -> m.GraphView:
        """What waits for what in a workflow, or in a `text` in the language of workflows."""
        return expect(m.GraphView, await self.call(m.Graph(name=name, text=text)))

    async def rm(self, name: str) -> m.Removed:
        """Remove a workflow. Its runs go on."""
        return expect(m.Removed, await self.call(m.Rm(name=name)))

    async def pause(self, id: str) -> m.RunNow:  # noqa: A002 - its name on the wire
        """Begin nothing more of a run until it is resumed."""
        return expect(m.RunNow, await self.call(m.Pause(id=id)))

    async def resume(self, id: str) -> m.RunNow:  # noqa: A002 - its name on the wire
        """Let a run go on that was paused."""
        return expect(m.RunNow, await self.call(m.Resume(id=id)))

    async def approve(self, id: str, step: str = "") -> m.RunNow:  # noqa: A002 - its name on the wire
        """Say yes to what a step of a run asks."""
        return expect(m.RunNow, await self.call(m.Approve(id=id, step=step)))

    async def reject(self, id: str, step: str = "") -> m.RunNow:  # noqa: A002 - its name on the wire
        """Say no to it."""
        return expect(m.RunNow, await self.call(m.Reject(id=id, step=step)))

    async def rerun(
        self,
        id: str,  # noqa: A002 - its name on the wire
        on_progress: OnProgress | None = None,
        *,
        failed: bool = False,
        begin_with: str = "",
        follow: bool = True,
        key: str = "",
    ) -> m.RunEnded:
        """Run again what has run: all of it, what went wrong, or from a step on. Returns as `run` does."""
        request = m.Rerun(id=id, failed=failed, begin_with=begin_with, follow=follow, key=key)
        return expect(m.RunEnded, await self._call(request, on_progress, None))

    async def watch(
        self,
        id: str,  # noqa: A002 - its name on the wire
        on_progress: OnProgress | None = None,
        *,
        follow: bool = False,
    ) -> m.RunEnded:
        """A run as it is; with `follow` as it is when it has ended."""
        return expect(m.RunEnded, await self._call(m.Watch(id=id, follow=follow), on_progress, None))

    async def explain(self, id: str, step: str) -> m.Explained:  # noqa: A002 - its name on the wire
        """Why a step of a run is where it is."""
        return expect(m.Explained, await self.call(m.Explain(id=id, step=step)))
