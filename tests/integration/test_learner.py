"""The learner as a process, on real Redis, Feast and broker."""

import urllib.request
from collections.abc import Iterator

import pytest

from hidden_gems.cli.processes import free_port
from hidden_gems.core.names import ITEM_CHANGES, ROW_CHANGES, factors, live_item
from hidden_gems.events.records import ItemChange
from hidden_gems.events.topics import DEAD_LETTERS, IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.kafka import KafkaConsumer
from tests.integration.feedback import click, likes, ready, send, settled, slate, state
from tests.integration.live import Live, eventually, live_parts


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_parts(tmp_path_factory.mktemp("live")) as parts:
        yield parts


@pytest.fixture(scope="module")
def learner(live: Live) -> Iterator[int]:
    with live.process("learner", GEMS_PORT=str(port := free_port())):
        ready(live)
        yield port


def test_a_signed_click_moves_row_factors_and_state(live: Live, learner: int) -> None:
    before, liked = state(live), likes(live, "u1", "g3")
    send(live, INTERACTIONS, click(live, "first"))
    eventually(lambda: likes(live, "u1", "g3") == liked + 1.0, 10.0)
    eventually(lambda: ("g3", before.version + 1) in live.keys.marked_since(ROW_CHANGES, before.version), 10.0)
    after = settled(live, before.version + 1)
    [packed] = live.keys.get([factors("u1")])
    person = after.factors.person(packed)
    assert after.factors.affinity(person, after.factors.index.rows(["g3"]))[0] > 0
    assert after.arms.belief(["g3"])[0] > before.arms.belief(["g3"])[0]
    assert after.arms.belief(["g4"])[0] == before.arms.belief(["g4"])[0]
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{learner}/metrics", timeout=5).read().decode()
    assert 'gems_learner_messages_total{outcome="applied"} 1.0' in metrics
    assert f"gems_online_state_version {after.version:.1f}" in metrics


def test_an_unsigned_click_changes_nothing(live: Live, learner: int) -> None:
    before, liked = state(live).to_bytes(), likes(live, "u2", "g3")
    send(live, INTERACTIONS, click(live, "unsigned", user="u2", signed=False))
    ready(live)
    assert (state(live).to_bytes(), likes(live, "u2", "g3")) == (before, liked)
    assert live.keys.get([factors("u2")]) == [None]


def test_a_message_that_cannot_be_read_goes_to_the_dead_letters_and_the_next_is_learned(
    live: Live, learner: int
) -> None:
    before = state(live).version
    producer = live.producer()
    producer.send([Message(INTERACTIONS, "u1", b"\xff not JSON")])
    producer.close()
    send(live, INTERACTIONS, click(live, "after the bad one"))
    settled(live, before + 1)
    consumer = KafkaConsumer(live.kafka, "reader", [DEAD_LETTERS])
    found = eventually(lambda: consumer.poll(0.5, 10), 10.0)
    consumer.close()
    assert b"not JSON" in found[0].value


def test_slates_count_as_impressions_and_exposures(live: Live, learner: int) -> None:
    before = state(live)
    send(live, IMPRESSIONS, slate(live, "shown"))
    after = settled(live, before.version + 1)
    assert (after.arms.belief(["g0", "g4"])[0] < before.arms.belief(["g0", "g4"])[0]).all()
    assert after.arms.belief(["g5"])[0] == before.arms.belief(["g5"])[0]


def test_a_new_gem_is_noted_and_an_older_change_is_not(live: Live, learner: int) -> None:
    newer, older = ItemChange("gem-new", 200.0, {"type": "cafe"}), ItemChange("gem-new", 100.0, None)
    send(live, ITEMS, newer)
    eventually(lambda: live.keys.get([live_item("gem-new")]) == [newer.to_json()], 2.0)
    send(live, ITEMS, older)
    ready(live)
    assert live.keys.get([live_item("gem-new")]) == [newer.to_json()]
    assert "gem-new" in dict(live.keys.marked_since(ITEM_CHANGES, 0))
    before = state(live).version
    send(live, INTERACTIONS, click(live, "on the new gem", user="u7", item="gem-new"))
    settled(live, before + 1)
    [row] = live.store.read_users(["u7"])
    assert row is not None
    assert row.row.own["gem-new"][0] == 1.0
