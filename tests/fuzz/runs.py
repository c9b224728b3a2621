"""Runs a target on mutated inputs, and keeps the smallest input that finds something."""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass, field

from tests.fuzz.mutations import mutated, smallest
from tests.fuzz.targets import CORPUS, Target

MOST_KEPT = 500
"""Inputs that got a new answer, to go on from."""

_PARTICULAR = re.compile(r"[0-9]+|'.*?'|\".*?\"|`.*?`|\\\\\w+")


@dataclass(slots=True)
class Run:
    """One target under way: every input that is answered in a new way is a seed from then on."""

    target: Target
    seed: int
    executions: int = 0
    found: bytes | None = None
    """The smallest input that found something; nothing is tried after it."""
    error: Exception | None = None
    _seeds: list[bytes] = field(default_factory=list)
    _answers: set[str] = field(default_factory=set)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.target.name} {self.seed}")  # noqa: S311 - reproducible, no secret
        self._seeds = [*self.target.seeds(), *(path.read_bytes() for path in self.target.corpus)]

    @property
    def reached(self) -> list[bytes]:
        """The smallest inputs that were answered in a way of their own, beside those that it began with."""
        begun = {*self.target.seeds(), *(path.read_bytes() for path in self.target.corpus)}
        return sorted((data for data in self._seeds if data not in begun), key=len)

    def go_on(self, examples: int) -> None:
        """Try that many more inputs."""
        for _ in range(examples):
            if self.error is not None:
                return
            self._try(mutated(self._chance, self._seeds))

    def _try(self, data: bytes) -> None:
        self.executions += 1
        try:
            answer = _PARTICULAR.sub("", self.target.run(data))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            self.error = error
            self.found = smallest(data, self._breaks)
            return
        if answer not in self._answers and len(self._answers) < MOST_KEPT:
            self._answers.add(answer)
            self._seeds.append(data)

    def _breaks(self, data: bytes) -> bool:
        try:
            self.target.run(data)
        except Exception as error:  # noqa: BLE001 - the same
            return type(error) is type(self.error)
        return False


def keep(target: Target, data: bytes) -> str:
    """Put an input into the corpus, under a name of its own; the path, from the corpus on."""
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()[:16]
    (folder / name).write_bytes(data)
    return f"{target.name}/{name}"
