"""Clicks, slates and gems for the learner, and what became of them."""

import time
from pathlib import Path

from hidden_gems.core.names import LEARNER_REDO, live_item
from hidden_gems.events.records import Interaction, ItemChange, Place, Slate
from hidden_gems.events.topics import ITEMS
from hidden_gems.online.state import OnlineState, follow
from hidden_gems.streaming.broker import Message
from tests.integration.live import Live, eventually

START_SECONDS = 240.0


def ready(live: Live) -> None:
    """Wait until the learner reads: a change of a gem nobody looks at comes through."""
    probe = ItemChange("probe", time.time(), None)
    send(live, ITEMS, probe)
    eventually(lambda: live.keys.get([live_item("probe")]) == [probe.to_json()], START_SECONDS)


def send(live: Live, topic: str, *records: Interaction | Slate | ItemChange) -> None:
    producer = live.producer()
    key = "item_id" if topic == ITEMS else "user_id"
    producer.send([Message(topic, getattr(record, key), record.to_json()) for record in records])
    producer.close()


def click(live: Live, number: object, user: str = "u1", item: str = "g3", signed: bool = True) -> Interaction:
    now = live.at + 60.0
    return Interaction(f"e-{number}", user, item, "click", now, now, slate_id=f"s-{number}", position=0, signed=signed)


def slate(live: Live, number: object, user: str = "u1") -> Slate:
    places = tuple(Place(f"g{n}", n, 0.5, 0.0, ("popular",), ()) for n in range(5))
    return Slate(f"s-{number}", user, live.at + 50.0, "ranker+thompson", "r", "gems", 0, places)


def state(live: Live) -> OnlineState:
    found = follow(live.keys, None)
    assert found is not None
    return found


def likes(live: Live, user: str, item: str) -> float:
    [row] = live.store.read_users([user])
    return row.row.own.get(item, (0.0,))[0] if row else 0.0


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def settled(live: Live, version: int) -> OnlineState:
    """State once it has the version and nothing is left to write."""
    eventually(lambda: state(live).version >= version and live.keys.get([LEARNER_REDO]) == [None], 10.0)
    return state(live)
