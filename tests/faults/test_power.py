"""The power goes while the daemon works: on ext4 and xfs, which then lose all that they had not written.

tmux and its panes are on another disk and go on, as if only the disk with the state folder had died: so what
was typed before the cut can be held against what the journal has after it.
"""

from __future__ import annotations

import pytest

from tests.faults.effort import chance, parts
from tests.faults.tally import Tally
from tests.faults.traffic import DEAD_DISK, Order, Traffic
from tests.faults.world import World
from tests.support.power import SIZES, cut_power, image, mounted
from tests.support.tmux import Tmux

PARTS = list(enumerate(parts(4, 150, each=25)))


@pytest.mark.parametrize("kind", sorted(SIZES))
@pytest.mark.parametrize(("part", "cuts"), PARTS)
def test_what_was_acknowledged_survives_a_power_cut(
    tmux: Tmux, tally: Tally, kind: str, part: int, cuts: int
) -> None:
    """After each cut every acknowledged message is there; at the end each was typed once."""
    draw = chance("power", kind, part)
    # A run's script is read, and its output written, by the pane's own shell: on the dead disk, too.
    traffic = Traffic(draw, with_runs=False, excuses=DEAD_DISK)
    with image(kind) as made:
        world = World(tmux, made.with_name("mounted") / "ipc", tally)
        world.furnish()
        done = 0
        for cut in range(cuts):
            with mounted(made) as where:
                try:
                    world.start("small_segments")
                    if not cut:
                        world.subscribe()
                    world.expect_acknowledged(traffic.orders[done:])
                    done = len(traffic.orders)
                    traffic.run(
                        world.daemon.socket_path,
                        acks=draw.randrange(1, 40),
                        then=lambda: world.cut(where, kind),
                    )
                finally:
                    world.daemon.close()
        with mounted(made):
            try:
                world.start()
                world.expect_acknowledged(traffic.orders[done:])
                world.expect_right(traffic)
            finally:
                world.daemon.close()


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_without_syncs_a_power_cut_is_a_loss(tmux: Tmux, tally: Tally, kind: str) -> None:
    """Control: a daemon whose syncs do nothing loses what it acknowledged; the oracle sees it."""
    with image(kind) as made:
        world = World(tmux, made.with_name("mounted") / "ipc", tally)
        world.furnish()
        with mounted(made) as where:
            try:
                world.start()
                world.subscribe()
                world.stop()
                world.start("without_sync")
                params = {"source": "here", "target": "one", "message": "echo L0.>>$P"}
                answers = [world.daemon.call("send", **params) for _ in range(20)]
                cut_power(where)
                world.kill()
            finally:
                world.daemon.close()
        with mounted(made):
            try:
                world.start()
                with pytest.raises(AssertionError, match="nothing is known of 'msg-"):
                    world.expect_acknowledged(
                        [Order("L0.", [("send", params)], answer) for answer in answers]
                    )
            finally:
                world.daemon.close()
