"""What the core asks of the world, as values. Carried out by the runtime after the facts are durable."""

from __future__ import annotations

import msgspec

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import (
    Graph,
    Progress,
    Result,
    Rm,
    Step,
    Subscribed,
    Subscription,
    Validate,
    Workflows,
)
from tsipcd.core.inputs import Call
from tsipcd.core.topology import PanePin, Place, ServerId


class Reply(msgspec.Struct, frozen=True):
    """Answer a request."""

    call: Call
    result: Result


class Fail(msgspec.Struct, frozen=True):
    """Answer a request with an error."""

    call: Call
    error: WireError


class Tell(msgspec.Struct, frozen=True):
    """Stream an item to a request that is still open."""

    call: Call
    item: Progress


class Expect(msgspec.Struct, frozen=True, gc=False):
    """An earlier life of the daemon saw this server: tell by `ServerGone` if it is not there any more."""

    server: ServerId


class Inspect(msgspec.Struct, frozen=True, gc=False):
    """Ask the occupant gate about `place`; answered by `Inspected`.

    Answered at once, and again whenever the verdict or its reason changes, until it was `ready` or `gone`, or
    `Forget` comes.
    """

    number: int
    place: Place
    now: bool
    """The sender asked not to wait for a busy pane."""
    step: bool
    """Only a shell at its prompt will do: a step's script is to be sourced there."""
    line_bytes: int = 0
    """The size of the longest line that is to be typed."""


class Forget(msgspec.Struct, frozen=True, gc=False):
    """Stop watching for the message: it was cancelled, expired, or goes elsewhere."""

    number: int


class TypeKeys(msgspec.Struct, frozen=True, gc=False):
    """Type `text` and Enter into the pinned pane, at most once per attempt; answered by `Typed`."""

    number: int
    attempt: int
    """The marker: strictly increasing over all typing of this journal."""
    pin: PanePin
    text: str
    shell: str


class StartStep(msgspec.Struct, frozen=True, gc=False):
    """Type a line that sources the step's script; answered by `Typed`, then `StepPrinted` and `StepEnded`.

    Of a captured message by itself `run` is 0, and `index` its number.
    """

    number: int
    attempt: int
    pin: PanePin
    run: int
    index: int
    command: str
    shell: str
    again: int = 0
    """How often the step was begun anew: each time has files of its own."""
    retry: int = 0
    """How many attempts came before: each has files of its own, too."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables for the command, beside those that say which step it is."""
    literal: bool = True
    """A `${{` in the command is text."""


class AdoptStep(msgspec.Struct, frozen=True, gc=False):
    """Take up a step that an earlier life of the daemon started; answered as `StartStep` after typing."""

    number: int
    pin: PanePin
    run: int
    index: int
    again: int = 0
    retry: int = 0


class StopStep(msgspec.Struct, frozen=True, gc=False):
    """End the command of a running step, never its shell; `StepEnded` tells of its end as ever."""

    number: int
    asked_s: float
    """How long ago this was first asked for: an earlier life may have begun with it."""
    signal: str = "SIGINT"
    """The first it gets."""
    grace_s: float = 10.0
    """What it gets after that, before SIGTERM."""


class ShowText(msgspec.Struct, frozen=True, gc=False):
    """Show `text` on every client attached to the session of `place`; answered by `TextShown`."""

    number: int
    place: Place
    text: str


class StoreData(msgspec.Struct, frozen=True, gc=False):
    """Replace `SESSION.data`; answered by `DataStored`."""

    number: int
    session: str
    body: str


class StoreSubscriptions(msgspec.Struct, frozen=True):
    """Replace the subscription file, then carry out `then`; on failure answer `then`'s call with an error."""

    table: tuple[Subscription, ...]
    then: tuple[Reply, ...]


class ReadDue(msgspec.Struct, frozen=True, gc=False):
    """Read the definition for the run that is due; answered by `DueRead`, once tmux was looked at."""

    due: int
    workflow: str
    again: bool = False
    """In a moment: a session of it may be on a server that has not answered yet."""


class StoreWorkflow(msgspec.Struct, frozen=True):
    """Replace a workflow's file, then answer `call` with `Saved`.

    With `subscribed` set, `table` is stored first and the answer is `PipelineSaved`.
    """

    call: Call
    name: str
    steps: tuple[Step, ...]
    subscribed: Subscribed | None = None
    table: tuple[Subscription, ...] = ()
    text: str = ""
    """In the language of workflows; instead of steps."""
    file: str = ""
    """Where the text comes from, for errors."""


class AskFiles(msgspec.Struct, frozen=True):
    """Answer `call` with what the files of workflows, or a text, say."""

    call: Call
    request: Validate | Workflows | Rm | Graph


def step_folder(run: int, index: int, again: int, retry: int = 0) -> str:
    """Where the files of a step are, below `runs`. Of a message by itself `run` is 0, `index` its number."""
    if run:
        return f"run-{run}/{step_name(index, again, retry)}"
    return f"msg-{index}/{step_name(1, again, retry)}"


def step_name(index: int, again: int, retry: int = 0) -> str:
    """What the files of an attempt are called in their folder: `2`, `2-attempt-3`, `2-again-1`."""
    name = f"{index}-attempt-{retry + 1}" if retry else str(index)
    return f"{name}-again-{again}" if again else name


Effect = (
    Reply
    | Fail
    | Tell
    | Expect
    | Inspect
    | Forget
    | TypeKeys
    | StartStep
    | AdoptStep
    | StopStep
    | ShowText
    | StoreData
    | StoreSubscriptions
    | StoreWorkflow
    | ReadDue
    | AskFiles
)
