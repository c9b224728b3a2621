"""Runs a target on mutated inputs, and keeps the smallest input that finds something."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import CORPUS, Target


@dataclass(slots=True)
class Outcome:
    """What a run did."""

    executions: int = 0
    found: bytes | None = None
    """The smallest input that found something."""
    error: BaseException | None = None


def run(target: Target, seed: int, examples: int) -> Outcome:
    """`examples` mutated inputs, the same for the same seed; ends with the first finding."""
    outcome = Outcome()
    seeds = [*target.seeds(), *(path.read_bytes() for path in target.corpus)]

    def once(data: bytes) -> None:
        outcome.executions += 1
        try:
            target.run(data)
        except Exception:
            outcome.found = data
            raise

    test: Callable[[], None] = given(mutated(seeds))(once)
    test = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )(test)
    try:
        hypothesis.seed(seed)(test)()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        outcome.error = error
    return outcome


def keep(target: Target, data: bytes) -> str:
    """Put an input into the corpus, under a name of its own; the path, from the corpus on."""
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()[:16]
    (folder / name).write_bytes(data)
    return f"{target.name}/{name}"
