"""How long it takes from a request on the socket until the shells it is meant for have run it."""

from __future__ import annotations

from tests.bench import redis
from tests.bench.guarded import GuardedTypist
from tests.bench.samples import Row, Samples, absent
from tests.bench.stage import Stage

TELL = "printf x >&9"
"""What a shell runs to be heard."""


def one_pane(stage: Stage, *, rounds: int) -> list[Row]:
    """A command to one idle shell, over a connection that is open."""
    stage.shell("bench-pane")
    wire = stage.wire()
    samples, replies = Samples(), Samples()
    for _ in range(rounds):
        with samples.one():
            with replies.one():
                wire.request("send", source="bench", target="bench-pane", message=TELL)
            stage.heard(1)
    wire.close()
    return [
        replies.row("send: request → durable reply", note="without the start of a client"),
        samples.row(
            "send: request → the shell has run it",
            promise="p50 ≤ 2 ms, p99 ≤ 15 ms",
            note="with what bash takes to read the line and run it; without the start of a client",
        ),
    ]


def fan_out(stage: Stage, *, rounds: int, subscribers: int = 100) -> list[Row]:
    """One event to many subscribers: as commands in their shells, and as files of data."""
    wire = stage.wire()
    for number in range(subscribers):
        stage.shell(f"bench-sub-{number}")
        wire.request("subscribe", session=f"bench-sub-{number}", event="bench-run", action="command")
        wire.request("subscribe", session=f"bench-sub-{number}", event="bench-data", action="data")
    type_all = stage.typist("bench-sub-*", TELL)
    commands, typed, guarded, data, theirs = Samples(), Samples(), Samples(), Samples(), Samples()
    with redis.serving(stage.folder) as path, GuardedTypist(stage, "bench-sub-*", TELL) as typist:
        audience = redis.Audience(path, subscribers) if path else None
        for _ in range(rounds):
            with commands.one():
                wire.request("publish", source="bench", event="bench-run", data=TELL)
                stage.heard(subscribers)
            with typed.one():
                type_all()
                stage.heard(subscribers)
            with guarded.one():
                typist.type_all()
                stage.heard(subscribers)
            with data.one():
                wire.request("publish", source="bench", event="bench-data", data="{}")
            if audience:
                with theirs.one():
                    audience.publish()
        if audience:
            audience.close()
    wire.close()
    return [
        typed.row(
            f"one `tmux source-file` that types into {subscribers} shells → all have run it",
            note="the floor: no look who sits in the pane, no record on disk, nothing typed once only. "
            "Most of it is the shells themselves",
        ),
        guarded.row(
            f"typed under a guard and marked, into {subscribers} shells → all have run it",
            beside="that `tmux source-file`",
            other=typed,
            note="the floor of what is typed once only: no look who sits in the pane, no record on disk, "
            "no daemon. To move a pane's mark, an option, tmux looks at all its windows",
        ),
        commands.row(
            f"publish to {subscribers} shells → all have run it",
            promise="≤ 50 ms for 100",
            beside="that `tmux source-file`",
            other=typed,
        ),
        data.row(f"publish to {subscribers} data files → durable reply"),
        theirs.row(
            f"redis PUBLISH → {subscribers} connections have received it",
            note="it keeps nothing of what it publishes, and whoever is away misses it; received is not run",
        )
        if theirs.seconds
        else absent("redis PUBLISH", redis.PACKAGE),
    ]


def steps(stage: Stage, *, rounds: int, length: int = 10) -> list[Row]:
    """A run of steps that do nothing, each with exit status and output; per step."""
    stage.shell("bench-step")
    wire = stage.wire()
    wire.request("workflow", name="bench-steps", steps=[{"session": "bench-step", "command": ":"}] * length)
    samples, files = Samples(), Samples()
    for number in range(rounds):
        folder = stage.folder / f"files-{number}"
        with files.one():
            folder.mkdir()
            for name in "abcdefg":
                (folder / name).write_text(TELL)
        run = Samples()
        with run.one():
            ended = wire.request("run", name="bench-steps")
        assert ended["status"] == "success", ended
        samples.seconds.append(run.seconds[0] / length)
    wire.close()
    return [
        files.row(
            "a folder and seven files, made",
            note="the files alone that a step needs: the script, its text, its claim, its status, the pipe's "
            "process, the output before and after it was cut. The daemon has its own made ahead",
        ),
        samples.row("workflow step, over its command's own time", promise="≤ 15 ms"),
    ]
