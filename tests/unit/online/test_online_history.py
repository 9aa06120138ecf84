"""That what was applied can be learned again, taken back, and brought back where the store lost it."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import (
    ERASURE_COUNTER,
    ERASURES,
    LEARNER_REDO,
    ONLINE_STATE,
    ONLINE_VERSION,
    factors,
    moved_today,
)
from hidden_gems.events.records import Interaction
from hidden_gems.features.store import MemoryStore
from hidden_gems.online.entries import BadJournalError, Entry, Shown, Told
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.history import History, digest
from hidden_gems.online.journal import Journal
from hidden_gems.online.learning import Batch, OnlineLearning
from hidden_gems.online.orders import Order, obey
from hidden_gems.online.renaming import Renaming
from hidden_gems.online.snapshots import Snapshot
from hidden_gems.online.state import OnlineState, follow
from hidden_gems.online.thompson import BetaThompson
from tests.unit.online.test_learning import AT, WORLD, click, slate

PEOPLE = [f"p{number}" for number in range(6)]


class World:
    """A learner on twins in memory, and its journal on the disk."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.store, self.folder = MemoryKeyValue(), MemoryStore(overwrite=True), folder
        self.clock = SimulatedClock(AT)

    def start(self) -> OnlineLearning:
        def prior() -> OnlineState:
            return OnlineState(0, BetaThompson(), OnlineFactors())

        return OnlineLearning(self.keys, self.store, prior, WORLD, History(self.folder), self.clock, 1_000)

    def lose(self) -> None:
        self.keys, self.store = MemoryKeyValue(), MemoryStore(overwrite=True)

    def digest(self) -> str:
        """Of what requests are answered with."""
        state = follow(self.keys, None)
        assert state is not None
        held = dict(zip(PEOPLE, self.keys.get(list(map(factors, PEOPLE))), strict=True))
        return digest(state, {name: vector for name, vector in held.items() if vector is not None})


def batches(people: Sequence[str] = PEOPLE, count: int = 12) -> list[Batch]:
    random = np.random.default_rng(7)
    made = []
    for number in range(count):
        events: list[Interaction] = []
        for place in range(8):
            name = PEOPLE[int(random.integers(len(PEOPLE)))]
            item = f"g{random.integers(5)}"
            kind = ("click", "dismiss", "save")[int(random.integers(3))]
            if name in people:
                events.append(click(number * 100 + place, name, item, event_type=kind))
        slates = [slate(f"s{number}-{name}", "g0", f"g{number}", user=name) for name in people]
        made.append(Batch(events, slates))
    return made


def learned(world: World, some: Sequence[Batch], snapshot_every: int = 5) -> OnlineLearning:
    learning = world.start()
    for number, batch in enumerate(some, 1):
        learning.learn(batch)
        if number % snapshot_every == 0:
            learning.snapshot()
    return learning


def test_a_replay_from_the_oldest_and_from_the_newest_snapshot_is_what_was_learned(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, batches())
    oldest, newest = learning.history.replay(oldest=True), learning.history.replay()
    assert (oldest.start, newest.start, oldest.entries, newest.entries) == (0, 10, 12, 2)
    assert oldest.digest == newest.digest == world.digest()
    assert oldest.state.version == newest.state.version == learning.state.version == 12


def test_a_replay_without_somebody_is_what_the_others_alone_would_have_made(tmp_path: Path) -> None:
    world, without = World(tmp_path / "all"), World(tmp_path / "without")
    gone = ["p1", "p4"]
    learning = learned(world, batches())
    learned(without, batches([name for name in PEOPLE if name not in gone]))
    assert learning.history.replay(without=gone).digest == without.digest() != world.digest()


def test_taking_people_back_moves_the_live_state_and_later_replays(tmp_path: Path) -> None:
    world, without = World(tmp_path / "all"), World(tmp_path / "without")
    some, clean = batches(), batches(PEOPLE[1:])
    learning = learned(world, some[:7])
    answer = obey(Order("o", without=("p0",)), learning)
    learned(without, clean[:7])
    assert (answer.digest, answer.version, answer.error) == (without.digest(), 8, "")
    assert world.digest() == without.digest()
    for batch in clean[7:]:
        learning.learn(batch)
    learned(World(tmp_path / "clean"), clean)
    assert learning.history.replay(oldest=True).digest == learning.history.replay().digest == world.digest()
    assert World.digest(world) == History(world.folder).replay(without=["p0"]).digest


def test_rolled_back_it_is_what_it_was_and_goes_on_from_there(tmp_path: Path) -> None:
    world, short = World(tmp_path / "all"), World(tmp_path / "short")
    some = batches()
    learning = learned(world, some[:9])
    learned(short, some[:4])
    found = learning.take_back(back_to=4)
    assert (found.digest, world.digest(), learning.state.version) == (short.digest(), short.digest(), 10)
    again = world.start()
    again.learn(some[10])
    short.start().learn(some[10])
    assert world.digest() == short.digest() == again.history.replay(oldest=True).digest
    refused = obey(Order("o", back_to=-3), again)
    assert (refused.digest, refused.version) == ("", 11)
    assert "can go back to versions 0 to 11, not to -3" in refused.error


def test_until_a_moment(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = world.start()
    digests = []
    for batch in batches(count=6):
        learning.learn(batch)
        digests.append(world.digest())
        learning.snapshot()
        world.clock.advance(100.0)
    assert learning.history.replay(until=AT + 250.0).digest == digests[2]
    assert learning.history.replay(to=5, oldest=True).digest == digests[4]
    with pytest.raises(BadInputError, match="oldest is 0"):
        learning.history.replay(to=-1)


def test_a_store_that_lost_everything_is_filled_from_the_journal_and_nothing_counts_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    learned(world, batches())
    before = world.digest()
    world.lose()
    again = world.start()
    assert (world.digest(), again.state.version) == (before, 12)
    assert not again.learn(batches()[-1]).outcomes["applied"]
    assert world.digest() == before


def test_a_store_that_was_put_back_is_brought_up_to_date(tmp_path: Path) -> None:
    world = World(tmp_path)
    learned(world, batches()[:6])
    kept = dict(world.keys._values)
    learned(world, batches())
    before = world.digest()
    world.keys._values = kept
    assert world.start().state.version == 12
    assert world.digest() == before


def test_a_last_entry_without_effect_is_cut_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, batches()[:3])
    learning.plan(batches()[3])
    assert learning._pending is not None
    assert learning._pending.entry is not None
    learning.history.journal.append(learning._pending.entry)  # and then the process dies
    again = world.start()
    assert (again.state.version, again.history.replay().entries) == (3, 3)
    again.learn(batches()[3])
    assert again.history.replay(oldest=True).digest == world.digest()


def test_an_order_that_a_crash_cut_short_is_finished(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, batches())
    wanted = learning.history.replay(without=["p3"]).digest
    learning.snapshot()
    learning.history.journal.append(Entry(13, AT, without=("p3",)))  # and then the process dies
    again = world.start()
    assert (world.digest(), again.state.version) == (wanted, 13)
    assert again.history.versions() == [0, 13]
    assert again.history.replay(oldest=True).digest == wanted


def test_a_torn_last_line_was_never_written_and_a_changed_one_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    learned(world, batches()[:4])
    [path] = (tmp_path / "journal").glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert world.start().history.replay().entries == 4
    assert path.read_bytes() == whole
    path.write_bytes(whole.replace(b'"p1"', b'"p2"', 1))
    with pytest.raises(BadJournalError, match=r"line 1: .* hash"):
        History(tmp_path).replay()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[1:]))
    with pytest.raises(BadJournalError, match="no entry of version 1"):
        History(tmp_path).replay()


def test_somebody_erased_begins_anew_live_and_in_a_replay(tmp_path: Path) -> None:
    world = World(tmp_path)
    some = batches()
    learning = learned(world, some[:6])
    world.keys.mark(ERASURES, ["p2"], world.keys.count(ERASURE_COUNTER))
    world.keys.delete([factors("p2")])
    learning.learn(Batch())
    assert world.keys.get([factors("p2"), moved_today("p2"), LEARNER_REDO]) == [None, None, None]
    learning.learn(some[6])
    [new] = world.keys.get([factors("p2")])
    learning = world.start()  # follows no erasure twice
    learning.learn(Batch())
    assert world.keys.get([factors("p2")]) == [new]
    learning.snapshot()
    assert learning.history.replay(oldest=True).digest == learning.history.replay().digest == world.digest()


def test_renamed_somebody_is_in_no_file_and_everything_else_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, [*batches(), Batch([click(9_999, "erika-mustermann", "g1")])], snapshot_every=3)
    learning.snapshot()
    before = learning.history.replay(oldest=True)
    assert learning.history.rename(["erika-mustermann"]) == 2
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(b"erika" in content or b"e9999" in content for content in files)
    after = learning.history.replay(oldest=True)
    assert digest(after.state, {}) == digest(before.state, {})
    assert {name: after.people[name] for name in PEOPLE} == {name: before.people[name] for name in PEOPLE}


def test_snapshots_are_thinned_and_hand_their_people_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = world.start()
    for batch in batches(count=30):
        learning.learn(batch)
        learning.snapshot()
        world.clock.advance(1_800.0)
    held = learning.history.versions()
    assert held[-3:] == [28, 29, 30]
    assert len(held) < 20
    before = world.digest()
    world.clock.advance(30 * 86_400.0)
    learning.learn(batches(count=31)[-1])
    learning.snapshot()
    assert learning.history.versions() == [31]
    assert len(list((tmp_path / "journal").glob("*.jsonl"))) <= 2
    found = learning.history.replay(oldest=True)
    assert found.digest == world.digest() != before


def test_a_journal_that_begins_late_says_that_it_does_not_know_everybody(tmp_path: Path) -> None:
    world = World(tmp_path / "first")
    learned(world, batches()[:2])
    world.folder = tmp_path / "second"
    learning = world.start()
    assert (learning.state.version, learning.history.replay().whole) == (2, False)


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    entries = [
        Entry(1, 0.5, (Shown("s", "Ayşe", ("g0",)),), (Told("e", "Ayşe", "g0", "click", "s", 0.1 + 0.2),)),
        Entry(2, 1.5, erased=("Ayşe",), back_to=0, without=("x", "y")),
    ]
    journal = Journal(tmp_path)
    for entry in entries:
        journal.append(entry)
    assert list(Journal(tmp_path).entries()) == entries
    assert journal.last() == entries[-1]


def test_a_torn_snapshot_is_told(tmp_path: Path) -> None:
    snapshot = Snapshot(1.0, OnlineState(3, BetaThompson(), OnlineFactors()), {"p": b"x" * 136, "q": None})
    history = History(tmp_path)
    history.keep(snapshot)
    assert dict(history.snapshot(3).moved) == dict(snapshot.moved)
    [path] = (tmp_path / "snapshots").glob("*.npz")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Exception, match="torn"):
        history.snapshot(3)


def damaged(content: bytes, how: str) -> bytes:
    return {
        "cut": content[:-7],
        "flipped": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        "empty": b"",
        "newer": content.replace(b"gems-snapshot-1", b"gems-snapshot-2"),
    }[how]


def snapshots(world: World) -> list[Path]:
    return sorted((world.folder / "snapshots").glob("*.npz"))


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "newer"])
@pytest.mark.parametrize("store_lost", [False, True])
def test_a_damaged_newest_snapshot_is_dropped_and_the_journal_makes_up_for_it(
    tmp_path: Path, how: str, store_lost: bool
) -> None:
    world = World(tmp_path)
    learned(world, batches())
    wanted, newest = world.digest(), snapshots(world)[-1]
    newest.write_bytes(damaged(newest.read_bytes(), how))
    if store_lost:
        world.lose()
    again = world.start()
    assert (again.history.damaged, again.state.version, world.digest()) == (1, 12, wanted)
    again.learn(batches(count=13)[-1])
    again.snapshot()
    assert again.history.replay().digest == again.history.replay(oldest=True).digest == world.digest()
    world.lose()
    assert world.start().history.damaged == 0


def test_a_damaged_snapshot_takes_those_with_it_that_stand_on_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    learned(world, batches(), snapshot_every=3)
    wanted = world.digest()
    snapshots(world)[2].write_bytes(b"")
    world.lose()
    again = world.start()
    assert again.history.damaged == 3
    assert (world.digest(), again.history.replay(oldest=True).digest) == (wanted, wanted)


def test_without_the_oldest_snapshot_the_others_do_not_claim_to_know_everybody(tmp_path: Path) -> None:
    world = World(tmp_path)
    learned(world, batches())
    snapshots(world)[0].write_bytes(b"")
    again = world.start()
    assert (again.history.versions(), again.state.version) == ([5, 10], 12)
    assert not again.history.replay(oldest=True).whole


@pytest.mark.parametrize("store_lost", [False, True])
def test_where_all_snapshots_are_damaged_it_starts_all_the_same(
    tmp_path: Path, store_lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    learned(world, batches())
    for path in snapshots(world):
        path.write_bytes(b"")
    if store_lost:
        world.lose()
    again = world.start()
    assert again.state.version == (0 if store_lost else 12)
    assert again.history.damaged == 3
    assert not again.history.replay().whole  # nobody knows whose vectors the store still has
    assert "3 snapshots are damaged" in caplog.text
    assert "none is left" in caplog.text
    again.learn(batches(count=13)[-1])
    again.snapshot()
    assert world.start().state.version == again.state.version


def test_a_snapshot_that_is_damaged_in_the_middle_of_a_life_ends_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, batches(count=6), snapshot_every=2)
    snapshots(world)[2].write_bytes(b"")
    again = world.start()
    snapshots(world)[1].write_bytes(b"torn")
    for batch in batches()[6:9]:
        world.clock.advance(40 * 86_400.0)  # all the older ones are dropped, after a look at them
        again.learn(batch)
        again.snapshot()
    assert learning.history.versions() == again.history.versions()
    found = again.history.replay()
    assert digest(found.state, {}) == digest(again.state, {})
    assert again.history.damaged == 4  # the torn ones, and those that stood on them


def test_a_torn_state_without_a_snapshot_begins_with_the_priors(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.keys.put({ONLINE_STATE: b"torn", ONLINE_VERSION: b"7"})
    assert world.start().state.version == 0


def test_a_store_that_loses_exactly_its_last_batch_gets_it_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    some = batches()
    learning = learned(world, some[:7])
    before = copy.deepcopy(world.keys)
    learning.learn(some[7])
    wanted = world.digest()
    world.keys = before  # as after a power cut; the broker has the commit
    again = world.start()
    assert (again.state.version, world.digest()) == (8, wanted)
    assert again.learn(some[7]).outcomes["repeated"] == len(some[7].slates) + len(some[7].events)


def test_an_entry_that_had_no_effect_is_learned_when_its_messages_come_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    some = batches()
    learning = learned(world, some[:7])
    before = copy.deepcopy(world.keys)
    learning.plan(some[7])
    assert learning._pending is not None
    assert learning._pending.entry is not None
    learning._durable.write(learning._pending.entry)  # and then the process dies
    world.keys = before
    again = world.start()
    assert again.state.version == 7
    assert again.learn(some[7]).outcomes["applied"] > 0
    assert again.history.replay(oldest=True).digest == world.digest()


def test_what_a_writer_appends_that_was_overtaken_does_not_count(tmp_path: Path) -> None:
    old, told = Journal(tmp_path, 1), [Told(f"e{number}", "ada", "g1", "click", "s", 0.3) for number in range(6)]
    for version in (1, 2, 3):
        old.append(Entry(version, AT, told=(told[version],)))
    new = Journal(tmp_path, 2)
    new.cut_after(2)  # the third had no effect
    old.append(Entry(3, AT, told=(told[4],)))
    new.append(Entry(3, AT, told=(told[5],)))
    old.append(Entry(4, AT, told=(told[4],)))
    assert [(entry.version, entry.told[0].event_id) for entry in new.entries()] == [(1, "e1"), (2, "e2"), (3, "e5")]
    assert new.last() == Entry(3, AT, told=(told[5],))
    assert (new.newest_generation(), Journal(tmp_path / "other").newest_generation()) == (2, 0)
    assert new.rename(Renaming.of(["ada"], new.entries()).entry) == 2
    assert not any(b"ada" in path.read_bytes() for path in tmp_path.glob("*.jsonl"))
