"""The guard against losses of speed: it counts the same twice, and names the function that a loss is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench import callgrind, guard, scenarios
from tests.bench.guard import VERSION, Work
from tsipcd.core.names import World


def counted(name: str) -> Work:
    scenario = scenarios.CORE[name]
    return Work.of_counts(scenario.of, scenario.times, scenarios.count(scenario))


@pytest.mark.parametrize("name", ["send", "fan-out", "listing", "run"])
def test_the_same_work_counts_the_same(name: str) -> None:
    """Twice in one process there is no difference at all, whatever else the machine does."""
    assert counted(name) == counted(name)


def test_a_start_is_counted_with_its_imports() -> None:
    """What a command's modules execute when they are imported is in the count, in two processes alike."""
    with scenarios.daemon() as serving:
        words = scenarios.STARTS["start of ts-ipc send"]
        scenarios.count_start(serving, words)
        first, second = (scenarios.count_start(serving, words) for _ in range(2))
    assert first == second
    assert first["tsipc_client.cli.oneshot:<module>"][0] == 1


def test_a_function_that_does_its_work_many_times_is_caught_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: the name is looked up a hundred times for each send, and the report says so."""
    before = counted("send")
    look_up = World.resolve

    def slow(world: World, *words: Any, **more: Any) -> Any:
        for _ in range(99):
            look_up(world, *words, **more)
        return look_up(world, *words, **more)

    monkeypatch.setattr(World, "resolve", slow)
    said = list(guard.compare("send", before, counted("send")))
    assert said[0].startswith("send: ")
    assert any("names:World.resolve" in line and "called 100 times a send, was 1" in line for line in said)


def test_a_loop_in_a_function_is_caught_and_named() -> None:
    """Negative control: as many calls as before, but more work in one of them."""
    before = Work(of="send", times=10, steps=1000, functions={"a:f": (10, 400), "a:g": (10, 600)})
    after = Work(of="send", times=10, steps=1300, functions={"a:f": (10, 400), "a:g": (10, 900)})
    first, line = guard.compare("send", before, after)
    assert first == "send: 130 instructions a send, was 100: +30.0%"
    assert line.strip() == "a:g: +30 instructions (90.0, was 60.0); called 1 times a send, was 1"


def test_a_gain_and_a_small_loss_are_no_loss() -> None:
    """Nothing is said of a change within the limit, nor of one for the better."""
    before = Work(of="send", times=1, steps=1000, functions={"a:f": (1, 1000)})
    for steps in (500, 1000, 1099):
        after = Work(of="send", times=1, steps=steps, functions={"a:f": (1, steps)})
        assert not list(guard.compare("send", before, after))


def test_a_loss_against_the_stored_run_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was stored is read again; more than it ends with 1 and in words, as much with 0."""
    path = tmp_path / "baseline.json"
    runs = [Work(of="send", times=1, steps=steps, functions={"a:f": (1, steps)}) for steps in (100, 100, 150)]
    monkeypatch.setattr(guard, "measure", lambda: {"send": runs.pop(0)})
    monkeypatch.setattr(callgrind, "lacks", lambda: "valgrind is not installed")
    assert guard.check(path, renew=True) == 0
    assert guard.check(path, renew=False) == 0
    assert guard.check(path, renew=False) == 1
    assert "a:f: +50 instructions" in capsys.readouterr().err


CALLGRIND = """\
events: Ir
fl=(1) a.c
fn=(1) work
10 100
+2 20
cfn=(2) helper
calls=3 30
* 900
14 5
fn=(2)
30 400
cfi=(1)
cfn=(1)
calls=1 10
31 50
32 500
"""


def test_what_callgrind_writes_is_read_as_own_instructions_and_calls() -> None:
    """What is said of a call is of the one that is called, and counts there."""
    assert callgrind.read(CALLGRIND) == {"work": (1, 125), "helper": (3, 900)}


@pytest.mark.slow
@pytest.mark.xdist_group("bench")
def test_the_machine_counts_nearly_the_same_twice() -> None:
    """A whole start with all its C code, however busy the machine is; far within what is a loss."""
    if lack := callgrind.lacks():
        pytest.skip(lack)
    with scenarios.daemon() as serving:
        first, second = (callgrind.count_start(serving) for _ in range(2))
    before, after = (sum(steps for _, steps in counts.values()) for counts in (first, second))
    assert before > 10_000_000
    assert abs(after / before - 1) < guard.LIMIT / 3


def test_without_valgrind_the_check_says_so_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counts of Python are compared all the same."""
    monkeypatch.setattr(guard, "measure", dict)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert guard.check(tmp_path / "baseline.json", renew=True) == 0
    assert "are not counted: valgrind is not installed" in capsys.readouterr().out


def test_another_python_is_compared_with_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stored run for this version the check passes, and says how to store one."""
    path = tmp_path / "baseline.json"
    path.write_text('{"2.7": {}}')
    assert guard.check(path, renew=False) == 0
    assert f"no stored counts for Python {VERSION}" in capsys.readouterr().out


def test_storing_one_version_keeps_the_others(tmp_path: Path) -> None:
    """Each version of Python has its own counts in the file."""
    path = tmp_path / "baseline.json"
    work = Work(of="send", times=2, steps=3, functions={"a:f": (1, 3)})
    path.write_text('{"2.7": {"send": {"of": "send", "times": 1, "steps": 1, "functions": {}}}}')
    guard.write(path, {"send": work})
    kept = guard.read(path)
    assert kept.keys() == {"2.7", VERSION}
    assert kept[VERSION]["send"].steps == work.steps
