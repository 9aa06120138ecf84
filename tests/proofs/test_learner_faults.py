"""The learner when it is stopped, killed, or left without Redis: nothing is lost, nothing counts twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import child, free_port, redis_command
from hidden_gems.core.names import ONLINE_STATE, ONLINE_VERSION
from hidden_gems.events.topics import IMPRESSIONS, INTERACTIONS
from tests.integration.feedback import START_SECONDS, click, gone, likes, ready, send, slate, state
from tests.integration.live import Live, eventually, live_parts


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_parts(tmp_path_factory.mktemp("live")) as parts:
        yield parts


def test_it_ends_on_sigterm_and_goes_on_later(live: Live) -> None:
    liked = likes(live, "u5", "g3")
    with live.process("learner", GEMS_PORT=str(free_port())) as pid:
        ready(live)
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: gone(pid), 5.0)
    send(live, INTERACTIONS, click(live, "after the end", user="u5"))
    with live.process("learner", GEMS_PORT=str(free_port())):
        eventually(lambda: likes(live, "u5", "g3") == liked + 1.0, START_SECONDS)


def test_killed_at_any_moment_it_loses_nothing_and_counts_nothing_twice(live: Live) -> None:
    events = [click(live, f"kill-{number}", user=f"u{number % 9}", item=f"g{number % 7}") for number in range(200)]
    liked = {(event.user_id, event.item_id): 0.0 for event in events}
    before = {pair: likes(live, *pair) for pair in liked}
    for event in events:
        liked[event.user_id, event.item_id] += 1.0
    slates = [slate(live, event.event_id, event.user_id) for event in events]
    exposed = state(live).arms.arrays()["learned"][:, 1].sum()
    for part in range(2):
        with live.process("learner", GEMS_PORT=str(free_port()), GEMS_BATCH_MESSAGES="7") as pid:
            ready(live)
            send(live, INTERACTIONS, *events[part * 100 : part * 100 + 100])
            send(live, IMPRESSIONS, *slates[part * 100 : part * 100 + 100])
            time.sleep(0.15 + 0.1 * part)
            os.kill(pid, signal.SIGKILL)
    with live.process("learner", GEMS_PORT=str(free_port())):
        ready(live)
        send(live, INTERACTIONS, *events)
        send(live, IMPRESSIONS, *slates)
        eventually(
            lambda: (
                state(live).arms.arrays()["learned"][:, 1].sum() == exposed + 5 * len(slates)
                and {pair: likes(live, *pair) - before[pair] for pair in liked} == liked
            ),
            20.0,
        )
        ready(live)
        assert state(live).arms.arrays()["learned"][:, 1].sum() == exposed + 5 * len(slates)
        assert {pair: likes(live, *pair) - before[pair] for pair in liked} == liked


def test_it_waits_for_a_redis_that_is_away_and_applies_afterwards(tmp_path: Path) -> None:
    port = free_port()
    with live_parts(tmp_path, port) as live, live.process("learner", GEMS_PORT=str(free_port())):
        ready(live)
        liked = likes(live, "u1", "g3")
        pid = live.keys._redis.info("server")["process_id"]
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: gone(pid), 5.0)
        send(live, INTERACTIONS, click(live, "while away"))
        time.sleep(3.0)
        log = (tmp_path / "again.log").open("w")
        with log, child(redis_command(tmp_path / "redis", port), log):  # the lock on its data is still ours
            eventually(lambda: likes(live, "u1", "g3") == liked + 1.0, 10.0)
            assert live.log("learner").count("trying again until it answers") == 1
            assert "Traceback" not in live.log("learner")


@pytest.mark.parametrize("lost", ["torn", "gone"])
def test_a_state_that_the_store_lost_is_filled_again_from_the_journal(live: Live, lost: str) -> None:
    with live.process("learner", GEMS_PORT=str(free_port())):
        ready(live)
        known = state(live).version
        send(live, INTERACTIONS, click(live, f"before it is {lost}"))
        eventually(lambda: state(live).version > known, 10.0)
    keys, before = live.keys, state(live)
    if lost == "torn":
        keys.put({ONLINE_STATE: b"torn", ONLINE_VERSION: b"1"})
    else:
        keys.delete([ONLINE_STATE, ONLINE_VERSION])
    with live.process("learner", GEMS_PORT=str(free_port())):
        eventually(lambda: keys.get([ONLINE_STATE]) not in ([b"torn"], [None]), START_SECONDS)
        assert state(live).to_bytes() == before.to_bytes()
        said = live.log("learner")
        assert f"the store does not have version {before.version}: it is filled from the journal" in said
        if lost == "torn":
            assert "the value under 'online:state' is no online state" in said
