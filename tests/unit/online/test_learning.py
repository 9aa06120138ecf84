"""What a batch comes to, and that it counts once wherever it is interrupted."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import (
    ITEM_CHANGES,
    LEARNER_REDO,
    ONLINE_VERSION,
    ROW_CHANGES,
    applied,
    factors,
    live_item,
    moved_today,
)  # fmt: skip
from hidden_gems.drift.kinds import kind_of
from hidden_gems.events.records import Interaction, ItemChange, Place, Slate
from hidden_gems.features.arm_context import CONTEXT_NAMES
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.features.store import MemoryStore
from hidden_gems.online.admission import marks_of
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.history import History
from hidden_gems.online.learning import MAX_MESSAGES, Batch, OnlineLearning, World
from hidden_gems.online.left import looked, nothing
from hidden_gems.online.people import TASTE, OnPerson
from hidden_gems.online.seen import Seen
from hidden_gems.online.state import HURRY_OUTCOMES, OnlineState, follow
from hidden_gems.online.thompson import BetaThompson

AT = 1_777_852_800
WORLD = World(
    {"item_id": ["g0", "g1"], "type": ["cafe", "bar"], "neighborhood": ["Moda", None]}, "Europe/Istanbul", False
)


class CrashError(PartUnavailableError):
    def __init__(self) -> None:
        super().__init__("features", "told to break")


@dataclass
class Fuse:
    """Breaks at the n-th write, before it happens or after it has."""

    left: int = 10**9
    after: bool = False
    count: int = 0

    def __call__(self, write: Any) -> Any:
        self.count += 1
        self.left -= 1
        if self.left == 0 and not self.after:
            raise CrashError
        found = write()
        if self.left == 0:
            raise CrashError
        return found


@dataclass
class Keys(MemoryKeyValue):
    fuse: Fuse = field(default_factory=Fuse)

    def put(self, values: Any) -> None:
        self.fuse(lambda: MemoryKeyValue.put(self, values))

    def claim(self, values: Any, seconds: int) -> Any:
        return self.fuse(lambda: MemoryKeyValue.claim(self, values, seconds))

    def mark(self, feed: str, members: Any, score: int) -> None:
        self.fuse(lambda: MemoryKeyValue.mark(self, feed, members, score))

    def delete(self, keys: Any) -> int:
        found: int = self.fuse(lambda: MemoryKeyValue.delete(self, keys))
        return found


@dataclass
class Rows(MemoryStore):
    fuse: Fuse = field(default_factory=Fuse)

    def write_users(self, rows: Any, at: int) -> None:
        self.fuse(lambda: MemoryStore.write_users(self, rows, at))

    def write_items(self, rows: Any, at: int) -> None:
        self.fuse(lambda: MemoryStore.write_items(self, rows, at))


@dataclass
class Parts:
    fuse: Fuse = field(default_factory=Fuse)

    def __post_init__(self) -> None:
        self.keys, self.store = Keys(fuse=self.fuse), Rows(overwrite=True, fuse=self.fuse)
        self.folder = Path(tempfile.mkdtemp())

    def learning(self, cap: int = 20) -> OnlineLearning:
        def prior() -> OnlineState:
            return OnlineState(0, BetaThompson(), OnlineFactors())

        history = History(self.folder)
        return OnlineLearning(self.keys, self.store, prior, WORLD, history, SimulatedClock(AT + 0.9), cap)

    def content(self) -> tuple[Any, ...]:
        """Everything stored but the counter of item changes, which may skip numbers."""
        values = {key: value for key, value in self.keys._values.items() if not key.endswith(":count")}
        members = {name: sorted(feed) for name, feed in self.keys._feeds.items()}
        users = {name: (each.row.pack(), each.timestamp) for name, each in self.store._users.items()}
        items = {name: (each.row.pack(), each.timestamp) for name, each in self.store._items.items()}
        return values, members, users, items


def click(number: int, user: str = "ada", item: str = "g0", **other: Any) -> Interaction:
    usual = {"event_type": "click", "slate_id": f"s{number}", "signed": True}
    return Interaction(f"e{number}", user, item, **{"timestamp": AT - 60.0 + number, "received": AT} | usual | other)


def slate(name: str, *items: str, user: str = "ada", timestamp: float = AT - 90.0) -> Slate:
    random = np.random.default_rng(list(name.encode()))
    vectors = random.random((len(items), len(FEATURE_NAMES))).tolist()
    places = tuple(
        Place(item, position, 0.5, 0.0, (), tuple(vector))
        for position, (item, vector) in enumerate(zip(items, vectors, strict=True))
    )
    return Slate(name, user, timestamp, "ranker+thompson", "r", FEATURE_SERVICE, 0, places)


def whole_batch() -> Batch:
    return Batch(
        [click(1), click(2, "bora", "g1"), click(3, "ada", "new", event_type="dismiss"), click(4, signed=False)],
        [slate("s1", "g0", "g1"), slate("s2", "g1", "new", user="bora"), slate("anonymous", "g0", user="")],
        [ItemChange("new", 5.0, {"type": "museum"}), ItemChange("g1", 5.0, None)],
    )


def likes(parts: Parts, user: str, item: str) -> float:
    [row] = parts.store.read_users([user])
    return row.row.own.get(item, (0.0,))[0] if row else 0.0


def test_a_batch_moves_everything_once() -> None:
    parts = Parts()
    learning = parts.learning()
    learned = learning.learn(whole_batch())
    assert learned.outcomes == Counter(applied=3, unsigned=1, slate=3, item=2)
    assert learned.newest == AT - 57.0
    assert (likes(parts, "ada", "g0"), likes(parts, "bora", "g1"), likes(parts, "ada", "new")) == (1.0, 1.0, 0.0)
    [row] = parts.store.read_users(["ada"])
    assert row is not None
    assert row.timestamp == AT
    assert row.row.types["museum"][0] == 1.0
    state = follow(parts.keys, None)
    assert state is not None
    assert state.to_bytes() == learning.state.to_bytes()
    learned_by = dict(zip(["", *state.arms.index.ids], state.arms.arrays()["learned"].tolist(), strict=True))
    assert learned_by == {"": [0.0, 0.0], "g0": [0.3, 2.0], "g1": [0.3, 2.0], "new": [0.0, 1.0]}
    for name, item, sign in (("ada", "g0", 1), ("bora", "g1", 1), ("ada", "new", -1)):
        [packed] = parts.keys.get([factors(name)])
        person = state.factors.person(packed)
        assert packed is not None
        assert sign * (state.factors.affinity(person, state.factors.index.rows([item]))[0] - person[0]) > 0
    assert parts.keys.get([moved_today("ada")]) == [f'[{AT // 86_400},{{"g0":1,"new":1}}]'.encode()]
    assert parts.keys.get([ONLINE_VERSION, LEARNER_REDO]) == [b"1", None]
    assert parts.keys.get(list(marks_of(click(1)))) == [b"1"] * 2
    assert all(parts.keys.get([applied("s1"), applied("anonymous")]))
    assert parts.keys.get(list(marks_of(click(4)))) == [None, None]
    assert parts.keys.marked_since(ROW_CHANGES, 0) == [("g0", 1), ("g1", 1), ("new", 1)]
    assert parts.keys.marked_since(ITEM_CHANGES, 0) == [("g1", 1), ("new", 1)]
    assert parts.store.read_users([""]) == [None]


def test_a_click_says_how_its_place_looked_whenever_its_slate_came() -> None:
    at_once, later, never = Parts(), Parts(), Parts()
    shown, told = [slate("s1", "g0", "g1")], [click(1)]
    at_once.learning().learn(Batch(told, shown))
    learning = later.learning()
    learning.learn(Batch((), shown))
    later.learning().learn(Batch(told))  # in another life
    never.learning().learn(Batch(told))
    states = [follow(parts.keys, None) for parts in (at_once, later, never)]
    together, apart, alone = (state for state in states if state is not None)
    seen = Seen.of(shown[0])
    assert seen is not None
    np.testing.assert_allclose(together.linear.arrays()["earned"], 0.3 * seen.contexts[0])
    for name, table in together.linear.arrays().items():
        assert (table == apart.linear.arrays()[name]).all()
    assert (together.cohorts.table() == apart.cohorts.table()).all()
    assert together.cohorts.table().any()
    assert not alone.linear.arrays()["earned"].any()
    assert alone.arms.arrays()["learned"].tolist()[1] == [0.3, 0.0]


def test_a_slate_of_older_features_is_an_impression_all_the_same() -> None:
    parts = Parts()
    parts.learning().learn(Batch([click(1)], [replace(slate("s1", "g0", "g1"), feature_service="ranker_v0")]))
    state = follow(parts.keys, None)
    assert state is not None
    assert not state.linear.arrays()["gram"].any()
    assert state.arms.arrays()["learned"].tolist()[1:] == [[0.3, 1.0], [0.0, 1.0]]


def test_a_belief_is_the_level_of_the_arm_moved_by_the_context() -> None:
    parts = Parts()
    learning = parts.learning()
    level = learning.state.arms.belief(["g0", "new"])
    blank = np.zeros((2, len(CONTEXT_NAMES)))
    assert [each.tolist() for each in learning.state.belief(["g0", "new"], blank)] == [
        level[0].tolist(),
        pytest.approx(level[1]),
    ]
    for number in range(60):
        learning.learn(Batch([click(number, event_type="visit")], [slate(f"s{number}", "g0", "g1")]))
    seen = Seen.of(slate("s7", "g0", "g1"))
    assert seen is not None
    mean, spread = learning.state.belief(["g0", "g1"], seen.contexts)
    level, unsure = learning.state.arms.belief(["g0", "g1"])
    assert (mean != level).all()
    assert (spread > unsure).all()
    moved = seen.contexts.copy()
    moved[:, -1] = 0.9  # the place of a gem that is not shown yet means nothing
    assert (learning.state.belief(["g0", "g1"], moved)[0] == mean).all()


def test_the_same_batch_again_changes_nothing() -> None:
    parts = Parts()
    learning = parts.learning()
    batch = replace(whole_batch(), items=())
    learning.learn(batch)
    before = parts.content()
    assert learning.learn(batch).outcomes == Counter(repeated=6, unsigned=1)
    assert parts.learning().learn(batch).outcomes == Counter(repeated=6, unsigned=1)
    assert learning.learn(Batch()).outcomes == Counter()
    assert parts.content() == before


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_interrupted_at_any_write_and_started_anew_it_counts_once(after: bool) -> None:
    unbroken = Parts()
    learning, first = unbroken.learning(), Batch(whole_batch().events[:1], whole_batch().slates[:1])
    learning.learn(first)
    start = unbroken.fuse.count
    learning.learn(whole_batch())
    writes = unbroken.fuse.count - start
    assert writes >= 8
    for left in range(1, writes + 1):
        parts = Parts()
        learning = parts.learning()
        learning.learn(first)
        parts.fuse.left, parts.fuse.after = left, after
        with pytest.raises(CrashError):
            learning.learn(whole_batch())
        parts.learning().learn(whole_batch())
        assert parts.content() == unbroken.content(), f"write {left}"


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_interrupted_at_any_write_it_goes_on_in_the_same_process(after: bool) -> None:
    unbroken = Parts()
    unbroken.learning().learn(whole_batch())
    for left in range(1, unbroken.fuse.count):
        parts = Parts()
        learning = parts.learning()
        parts.fuse.left, parts.fuse.after = left, after
        planned = finished = False
        while not (planned and finished):
            try:
                planned = planned or bool(learning.plan(whole_batch()).outcomes)
                learning.finish()
                finished = True
            except CrashError:
                pass
        assert parts.content() == unbroken.content(), f"write {left}"


def test_nothing_is_written_before_finish() -> None:
    parts = Parts()
    learning = parts.learning()
    before = parts.content()
    learning.plan(Batch([click(1, slate_id="s1", event_type="view")], [slate("s9", "g0")], [ItemChange("g0", 1.0, {})]))
    assert parts.content() == before
    with pytest.raises(ValueError, match="finished first"):
        learning.plan(Batch())
    learning.finish()
    learning.finish()
    assert parts.keys.get([ONLINE_VERSION]) == [b"1"]


def test_slates_alone_move_arms_and_rows() -> None:
    parts = Parts()
    learning = parts.learning()
    repeated = slate("s1", "g0", "g0")
    assert learning.learn(Batch(slates=[repeated, repeated])).outcomes == Counter(slate=1, repeated=1)
    assert parts.keys.get([ONLINE_VERSION]) == [b"1"]
    assert learning.state.arms.arrays()["learned"].tolist() == [[0.0, 0.0], [0.0, 1.0]]
    [row] = parts.store.read_users(["ada"])
    assert row is not None
    assert row.row.types["cafe"][3] == 2.0


def test_items_alone_leave_the_state_as_it_is() -> None:
    parts = Parts()
    learning = parts.learning()
    change = ItemChange("g9", 10.0, {"type": "cafe"})
    assert learning.learn(Batch(items=[change])).outcomes == Counter(item=1)
    assert parts.keys.get([ONLINE_VERSION, live_item("g9")]) == [b"0", change.to_json()]
    assert parts.keys.marked_since(ITEM_CHANGES, 0) == [("g9", 1)]


def test_the_newest_change_of_a_gem_wins_in_a_batch_and_across_restarts() -> None:
    parts = Parts()
    old, new, newest = (ItemChange("g9", float(at), {"type": f"t{at}"}) for at in (1, 2, 3))
    assert parts.learning().learn(Batch(items=[new, old])).outcomes == Counter(item=1, outdated=1)
    assert parts.keys.get([live_item("g9")]) == [new.to_json()]
    learning = parts.learning()
    assert learning.learn(Batch(items=[old])).outcomes == Counter(outdated=1)
    assert learning.learn(Batch(items=[new])).outcomes == Counter(item=1)
    assert learning.learn(Batch(items=[old, newest, new])).outcomes == Counter(item=1, outdated=2)
    assert parts.keys.get([live_item("g9")]) == [newest.to_json()]
    learning.learn(Batch([click(1, item="g9")]))
    [row] = parts.store.read_users(["ada"])
    assert row is not None
    assert list(row.row.types) == ["t3"]
    again = parts.learning()
    again.learn(Batch([click(2, "bora", "g9")]))
    [row] = parts.store.read_users(["bora"])
    assert row is not None
    assert list(row.row.types) == ["t3"]


def test_the_cap_holds_across_batches_and_restarts() -> None:
    parts = Parts()
    assert parts.learning(cap=2).learn(Batch([click(1)])).outcomes == Counter(applied=1)
    learning = parts.learning(cap=2)
    assert learning.learn(Batch([click(2)])).outcomes == Counter(applied=1)
    assert learning.learn(Batch([click(3), click(4, item="g1")])).outcomes == Counter(capped=1, applied=1)
    assert likes(parts, "ada", "g0") == 2.0


def test_rows_and_arms_do_not_depend_on_the_order_of_messages() -> None:
    events = [click(n, f"u{n % 3}", f"g{n % 2}", event_type=("click", "save", "skip")[n % 3]) for n in range(30)]
    slates = [slate(f"s{n}", "g0", "g1", user=f"u{n % 3}") for n in range(30)]
    one, other = Parts(), Parts()
    learning = one.learning()
    learning.learn(Batch(events, slates))
    backwards = other.learning()
    for event in reversed(events):
        backwards.learn(Batch([event]))
    for each in reversed(slates):
        backwards.learn(Batch(slates=[each]))
    ids = ["g0", "g1"]
    np.testing.assert_allclose(backwards.state.arms.belief(ids), learning.state.arms.belief(ids))
    for user in ("u0", "u1", "u2"):
        [a], [b] = one.store.read_users([user]), other.store.read_users([user])
        assert a is not None
        assert b is not None
        assert a.row.pack() == b.row.pack()


def test_a_release_with_other_gems_is_learned_on_at_once() -> None:
    parts = Parts()
    learning = parts.learning()
    learning.serve(replace(WORLD, columns={"item_id": ["g5"], "type": ["hammam"]}))
    learning.learn(Batch([click(1, item="g5")]))
    [row] = parts.store.read_users(["ada"])
    assert row is not None
    assert list(row.row.types) == ["hammam"]


def test_a_batch_fits_into_one_stroke() -> None:
    from hidden_gems.core.kv import BATCH

    assert 2 * MAX_MESSAGES + 3 <= BATCH
    with pytest.raises(ValueError, match="at most 400"):
        Parts().learning().plan(Batch([click(n) for n in range(200)], [slate("s", "g0")] * 201))
    assert Parts().learning().plan(Batch([click(1)] * 200, [slate("s", "g0")] * 200)).outcomes["repeated"] == 398


def test_a_store_that_is_away_leaves_memory_as_it_was() -> None:
    parts = Parts()
    learning = parts.learning()
    before = learning.state.to_bytes()
    parts.fuse.left = 1  # the claim of the answered slate, while the rows are counted
    with pytest.raises(PartUnavailableError):
        learning.plan(Batch([click(1)]))
    assert learning.state.to_bytes() == before
    assert learning.learn(Batch([click(1)])).outcomes == Counter(applied=1)
    assert likes(parts, "ada", "g0") == 1.0


def turned(person: str, likes: int = 60) -> list[Batch]:
    """Somebody who saves cafes and then bars, of the two that every slate shows."""
    return [
        Batch(
            [click(number, person, "g0" if number < likes else "g1", event_type="save")],
            [slate(f"s{number}", "g0", "g1", user=person)],
        )
        for number in range(2 * likes)
    ]


def test_a_change_of_taste_is_found_once_and_the_person_learns_faster_for_a_while() -> None:
    parts = Parts()
    learning = parts.learning(cap=1_000)
    drifted = [(at, each) for at, batch in enumerate(turned("ada")) for each in learning.learn(batch).drifted]
    [(at, found)] = drifted
    assert 60 < at < 90
    assert (found.user_id, found.outcomes) == ("ada", at + 1)
    assert (found.before[0], found.after[0]) == (kind_of("cafe"), kind_of("bar"))
    [packed] = parts.keys.get([factors("ada")])
    assert OnPerson.unpack(packed).hurry == max(0.0, HURRY_OUTCOMES - (120 - at))
    again, other = learning.history.replay(oldest=True), parts.learning(cap=1_000)
    assert again.people["ada"] == packed
    assert other.state.to_bytes() == learning.state.to_bytes()


def test_what_is_held_of_a_person_comes_back_and_an_older_one_has_no_taste_yet() -> None:
    person = OnPerson(np.arange(17.0), 3.0, TASTE.shown(TASTE.start(), [1, 2, 3]), looked(nothing(), [4, 5], AT))
    back = OnPerson.unpack(person.pack())
    assert back.pack() == person.pack()
    assert OnlineFactors().person(person.pack()).tolist() == list(range(17))
    older = OnPerson.unpack(OnlineFactors.packed(np.arange(17.0)))
    assert (older.hurry, older.taste.tolist()) == (0.0, TASTE.start().tolist())
    for wrong in (b"", person.pack()[:-8], person.pack()[:-1], np.full(210, np.nan).tobytes()):
        with pytest.raises(ValueError):  # noqa: PT011
            OnPerson.unpack(wrong)
