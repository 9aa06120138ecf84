"""A world follows the store, and stays as it was while the store is away."""

import gc
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from hidden_gems.core import names
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.events.records import ItemChange
from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.rows import NEW, NEW_ITEM, NEW_USER, ItemRow, UserRow
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState, publish
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.recommend.business import BusinessFile, shipped
from hidden_gems.recommend.world import Following, World
from tests.worlds import COUNT, NOW, change, tables, world


class Leaving(MemoryKeyValue):
    """A store that can go away."""

    away = False

    def marked_since(self, feed: str, score: int) -> list[tuple[str, int]]:
        if self.away:
            raise PartUnavailableError("features", "gone")
        return super().marked_since(feed, score)


def feast_value(text: str) -> bytes:
    """A protobuf `Value` as Feast stores a text."""
    data, length, size = text.encode(), len(text.encode()), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return b"\x12" + bytes([*size, length]) + data


def write_item(keys: MemoryKeyValue, name: str, likes: int) -> None:
    row = ItemRow(NEW_ITEM.totals, tuple(NOW - 60 - at for at in range(likes, 0, -1)))
    key, (packed, stamp) = HotRows().item_hash(name)
    keys.put_fields({key: {packed: feast_value(row.pack()), stamp: b"\x08\x01"}})


def put_change(keys: MemoryKeyValue, what: ItemChange) -> None:
    keys.put({names.live_item(what.item_id): what.to_json()})
    keys.mark(names.ITEM_CHANGES, [what.item_id], keys.count("item-changes"))


def following(keys: MemoryKeyValue) -> Following:
    plain = world()
    return Following(World.of(plain.release, plain.about, plain.models, tables()), keys)


def week(seen: World, name: str) -> float:
    return float(seen.rows.columns([name], NOW)["item_likes_7d"][0])


def test_rows_of_gems_and_of_everybody_new_are_read_at_the_start() -> None:
    keys = Leaving()
    write_item(keys, "g1", 4)
    key, (packed, stamp) = HotRows().user_hash(NEW)
    known = UserRow(tuple(7.0 for _ in NEW_USER.totals))
    keys.put_fields({key: {packed: feast_value(known.pack()), stamp: b"\x08\x01"}})
    found = following(keys)
    assert found.refresh()
    assert week(found.world, "g1") == 4
    assert week(found.world, "g2") == 0
    assert found.world.new_user == known


def test_changed_rows_are_read_when_the_feed_names_them() -> None:
    keys = Leaving()
    write_item(keys, "g1", 4)
    found = following(keys)
    found.refresh()
    before = found.world
    write_item(keys, "g1", 9)
    found.refresh()
    assert found.world is before or week(found.world, "g1") == 4
    keys.mark(names.ROW_CHANGES, ["g1"], 1)
    found.refresh()
    assert week(found.world, "g1") == 9
    assert week(before, "g1") == 4  # a request that began before sees what it began with
    write_item(keys, "g1", 10)
    keys.mark(names.ROW_CHANGES, ["g1"], 1)  # the same version again: more rows of one batch
    found.refresh()
    assert week(found.world, "g1") == 10


def test_gems_enter_change_and_close_without_a_release() -> None:
    keys = Leaving()
    found = following(keys)
    found.refresh()
    put_change(keys, change("new", type="cafe"))
    found.refresh()
    assert found.world.items.index.rows(["new"]).tolist() == [COUNT + 1]
    put_change(keys, change("g1"))
    found.refresh()
    assert found.world.items.closed(NOW)[1]
    assert not found.world.items.closed(NOW)[COUNT + 1]
    put_change(keys, change("new"))
    found.refresh()
    assert found.world.items.closed(NOW).sum() >= 2
    put_change(keys, change("g1", type="bar"))
    found.refresh()
    assert not found.world.items.closed(NOW)[1]


def test_a_change_that_is_written_after_a_later_one_is_still_seen() -> None:
    keys = Leaving()
    found = following(keys)
    keys.put({names.live_item("late"): change("late", type="bar").to_json()})
    put_change(keys, change("other", type="bar"))
    keys.count("item-changes")
    put_change(keys, change("third", type="bar"))
    found.refresh()
    assert found.world.items.index.rows(["late"])[0] == 0
    keys.mark(names.ITEM_CHANGES, ["late"], 2)  # numbered before "third", noted after it
    found.refresh()
    assert found.world.items.index.rows(["late"])[0] > 0


def test_an_unreadable_change_is_left_out_and_the_others_are_taken() -> None:
    keys = Leaving()
    found = following(keys)
    keys.put({names.live_item("torn"): b"{"})
    keys.mark(names.ITEM_CHANGES, ["torn"], 1)
    put_change(keys, change("fine", type="bar"))
    assert found.refresh()
    assert found.world.items.index.rows(["torn", "fine"]).tolist() == [0, COUNT + 1]


def test_the_online_state_is_followed_by_its_version() -> None:
    keys = Leaving()
    found = following(keys)
    found.refresh()
    assert found.world.online is None
    publish(keys, OnlineState(3, BetaThompson(), OnlineFactors()))
    found.refresh()
    assert found.world.online is not None
    held = found.world.online
    assert held.version == 3
    found.refresh()
    assert found.world.online is held


def test_while_the_store_is_away_everything_stays_and_comes_back_later() -> None:
    keys = Leaving()
    write_item(keys, "g1", 4)
    found = following(keys)
    found.refresh()
    keys.away = True
    write_item(keys, "g1", 9)
    keys.mark(names.ROW_CHANGES, ["g1"], 1)
    before = found.world
    assert not found.refresh()
    assert not found.reached
    assert found.world is before
    keys.away = False
    assert found.refresh()
    assert found.reached
    assert week(found.world, "g1") == 9


def test_a_start_without_a_store_reads_everything_when_it_comes() -> None:
    keys = Leaving()
    keys.away = True
    write_item(keys, "g1", 4)
    found = following(keys)
    assert not found.refresh()
    assert week(found.world, "g1") == 0
    keys.away = False
    found.refresh()
    assert week(found.world, "g1") == 4


def test_a_thread_follows_and_ends_when_told_or_when_nobody_listens() -> None:
    keys = Leaving()
    found = following(keys)
    found.poll_seconds = 0.01
    found.start()
    put_change(keys, change("new", type="cafe"))
    until = time.monotonic() + 5
    while not found.world.items.index.rows(["new"])[0] and time.monotonic() < until:
        time.sleep(0.01)
    assert found.world.items.index.rows(["new"])[0]
    found.stop()
    other = following(keys)
    other.poll_seconds = 0.01
    thread = other.start()._thread
    assert isinstance(thread, threading.Thread)
    del other
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


def test_weeks_are_counted_once_an_hour_and_anew_for_other_rows() -> None:
    seen = world()
    first = seen.week(NOW)
    assert first is seen.week(NOW + 1)
    assert np.isneginf(first[0])
    hour = NOW - NOW % 3600
    assert first[5] == sum(NOW - 3600 * ago < hour for ago in range(1, 6))
    assert replace(seen, rows=seen.rows).week(NOW) is not first


def test_the_business_file_is_obeyed_without_the_store_and_without_a_restart(tmp_path: Path) -> None:
    keys, plain = Leaving(), world()
    keys.away = True
    file = BusinessFile(tmp_path / "business.toml")
    found = Following(World.of(plain.release, plain.about, plain.models, tables()), keys, business=file)
    assert not found.refresh()
    assert found.world.business == shipped()
    file.path.write_text("weight_small = 1.5\n")
    assert not found.refresh()
    assert found.world.business.weight_small == 1.5
    keys.away = False
    file.path.write_text("weight_small = 0.5\n")
    assert found.refresh()
    assert found.world.business.weight_small == 0.5


def test_what_was_shown_lately_reaches_the_world() -> None:
    keys = MemoryKeyValue()
    found, state = following(keys), OnlineState(3, BetaThompson(), OnlineFactors())
    assert found.refresh()
    assert not found.world.limits.full.any()
    state.exposure.learn_many([("g1",)] * 100)
    publish(keys, state)
    assert found.refresh()
    assert {found.world.items.index.ids[row] for row in np.flatnonzero(found.world.limits.full)} == {"g1"}
    assert not found.world.as_released().limits.full.any()
