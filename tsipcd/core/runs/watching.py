"""Who follows which run, and what each step printed last. Volatile: a client that comes back asks anew."""

from __future__ import annotations

from tsipc_client.wire.messages import Progress, Status
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.runs import views
from tsipcd.core.runs.records import RunRecord
from tsipcd.core.state import State
from tsipcd.core.turn import Turn


class Watching:
    """Tells followers of each change of a task, and answers them when the run ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._followers: dict[int, list[i.Call]] = {}
        self._last_lines: dict[int, str] = {}
        """By message."""

    def attach(self, turn: Turn, call: i.Call, number: int, *, follow: bool) -> None:
        """Answer `call` when the run ends, and tell it of all that happens until then."""
        run = self._state.runs.get(number)
        if run is None or not follow or run.has_ended:
            turn.ask(e.Reply(call, views.ended(self._state, run, number, self._last_lines)))
            return
        self._followers.setdefault(number, []).append(call)
        for index in run.tasks:
            turn.ask(e.Tell(call, self._progress(run, index)))

    def printed(self, turn: Turn, answer: i.StepPrinted) -> None:
        """A step printed: whoever follows sees its last line."""
        message = self._state.messages.get(answer.number)
        if message is not None and message.run and message.status is Status.STARTED:
            self._last_lines[message.number] = answer.line
            if (run := self._state.runs.get(message.run)) is not None:
                self.tell(turn, run, message.step)

    def tell(self, turn: Turn, run: RunRecord, index: int) -> None:
        """A task changed."""
        for call in self._followers.get(run.number, ()):
            turn.ask(e.Tell(call, self._progress(run, index)))

    def tell_all(self, turn: Turn, run: RunRecord) -> None:
        """The whole run changed."""
        for index in run.tasks:
            self.tell(turn, run, index)

    def end(self, turn: Turn, run: RunRecord) -> None:
        """The run ended: answer those who waited for that."""
        for call in self._followers.pop(run.number, ()):
            turn.ask(e.Reply(call, views.ended(self._state, run, run.number, self._last_lines)))
        for number in run.messages:
            self._last_lines.pop(number, None)

    def forget_peer(self, peer: int) -> None:
        """A connection ended: its calls follow nothing any more."""
        for number, calls in list(self._followers.items()):
            self._followers[number] = [call for call in calls if call.peer != peer]

    def _progress(self, run: RunRecord, index: int) -> Progress:
        return views.progress(self._state, run, index, self._last_lines)
