"""A stage for runs of graphs: four sessions, a run, and its steps by their names."""

from __future__ import annotations

from typing import Any

from tests.support.talk import Talk, pin, session
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import State
from tsipcd.workflows.definition import Order, Step, Workflow

SESSIONS = ("a", "b", "c", "d")


class Stage:
    """Four sessions, a run, and the steps in them by their ids."""

    def __init__(self, talk: Talk | None = None) -> None:
        self.talk = talk or Talk()
        self.talk.see(*(session(name, at) for at, name in enumerate(SESSIONS, 1)))
        self.number = 0

    def run(self, *steps: Step, **more: Any) -> Stage:
        """Start a run of these steps."""
        asked = {key: more.pop(key) for key in ("inputs", "begin_with", "library") if key in more}
        workflow = Workflow(name=more.pop("name", "w"), steps=steps, **more)
        self.number = self.talk.state.last_run + 1
        self.talk.tell(i.RunAsked(i.Call(1, 90), i.Caller(), workflow, follow=True, key="", **asked))
        return self

    @property
    def record(self) -> Any:
        """The run."""
        return self.talk.state.runs[self.number]

    def waiting(self) -> set[str]:
        """The tasks that have an attempt which was not begun in its shell yet."""
        return {
            task.name
            for task in self.record.plan.tasks
            if (message := self._message(task.name)) is not None and message.status in ("accepted", "held")
        }

    def begin(self, name: str) -> list[e.Effect]:
        """The attempt of this task is typed and runs."""
        message = self._message(name)
        assert message is not None
        effects = self.talk.ready(message.number, pin(SESSIONS.index(message.target) + 1))
        return effects + self.talk.typed(message.number)

    def end(self, name: str, code: int | None = 0, **more: Any) -> list[e.Effect]:
        """Its command ends."""
        message = self._message(name)
        assert message is not None
        return self.talk.tell(i.StepEnded(message.number, code, **more))

    def does(self, name: str, code: int | None = 0, **more: Any) -> list[e.Effect]:
        """Begin and end."""
        return self.begin(name) + self.end(name, code, **more)

    def results(self) -> dict[str, str]:
        """What each task came to."""
        tasks = self.record.plan.tasks
        return {t.name: str(s.result) for t in tasks if (s := self.record.settled(t.index)) is not None}

    def settled(self, name: str) -> Any:
        """How a task ended."""
        (index,) = (task.index for task in self.record.plan.tasks if task.name == name)
        return self.record.settled(index)

    def later(self, seconds: float) -> list[e.Effect]:
        """Time passes."""
        self.talk.now += seconds
        return self.talk.tell(i.Ticked())

    def next_life(self) -> Stage:
        """The daemon was killed, and has read what it had written."""
        state = State()
        for fact in self.talk.facts:
            state.apply(f.decode(f.encode(fact)))
        again = Talk(state)
        again.now = self.talk.now + 1.0
        facts, effects = again.machine.restore(again.now)
        again.facts = [*self.talk.facts, *facts]
        again.effects = effects
        stage = Stage(again)
        stage.number = self.number
        return stage

    def _message(self, name: str) -> Any:
        (index,) = (task.index for task in self.record.plan.tasks if task.name == name)
        record = self.record.tasks.get(index)
        return self.talk.state.messages[record.messages[-1]] if record and record.messages else None


def step(name: str, at: str = "a", needs: str | None = None, **more: Any) -> Step:
    """A step; with `needs` (words) it says itself what it comes after."""
    more.setdefault("order", Order.LISTED if needs is None else Order.NEEDED)
    more.setdefault("command", "true")
    return Step(id=name, session=at, needs=tuple((needs or "").split()), **more)


def chained(*steps: Step) -> tuple[Step, ...]:
    """The steps one after the other."""
    found: list[Step] = []
    for each in steps:
        needs = (found[-1].id,) if found else ()
        fields = {name: getattr(each, name) for name in each.__struct_fields__}
        found.append(Step(**{**fields, "needs": needs, "order": Order.LISTED}))
    return tuple(found)
