"""That who was erased is learned from no more, named by no file, and not brought back by a state of before."""

import shutil
from dataclasses import replace
from pathlib import Path

from hidden_gems.core import erasures, names
from hidden_gems.features.hot_store import HotRows
from hidden_gems.online.history import digest
from hidden_gems.online.learning import Batch, OnlineLearning
from hidden_gems.online.orders import Order, obey
from tests.unit.online.test_learning import AT, click, slate
from tests.unit.online.test_online_history import World, batches, learned

ERIKA = "erika-mustermann"


def likes(*numbers: int, at: float = AT) -> Batch:
    events = [replace(click(number, ERIKA, "g1"), timestamp=at, received=at) for number in numbers]
    shown = [replace(slate(f"s-erika-{number}", "g1", user=ERIKA), issued=at) for number in numbers]
    return Batch(events, shown)


def erase(world: World) -> erasures.Erasure:
    world.clock.advance(10.0)
    noted = erasures.note(world.keys, ERIKA, world.clock.now())
    world.store._users.pop(ERIKA, None)
    world.keys.delete([names.factors(ERIKA), names.moved_today(ERIKA), HotRows().user_hash(ERIKA)[0].decode()])
    world.clock.advance(10.0)
    return noted


def named(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and b"erika" in path.read_bytes()]


def known(world: World, learning: OnlineLearning) -> bool:
    """Whether the store has anything of her."""
    [row] = world.store.read_users([ERIKA])
    held = world.keys.get([names.factors(ERIKA), names.moved_today(ERIKA)])
    return held != [None, None] or (row is not None and bool(row.row.own))


def test_what_was_sent_before_the_erasure_is_not_learned_whoever_sends_it_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, [*batches(), likes(9_001)])
    assert known(world, learning)
    erase(world)
    outcome = learning.learn(Batch([*likes(9_001, 9_002).events], likes(9_001, 9_002).slates))
    assert outcome.outcomes == {"erased": 4}
    assert not known(world, learning)
    before = digest(learning.state, {})
    learning.learn(likes(9_003, at=AT + 5.0))
    assert digest(learning.state, {}) == before
    assert not known(world, learning)
    learning.learn(likes(9_004, at=AT + 15.0))
    assert known(world, learning)


def test_she_comes_again_as_somebody_new_in_the_very_batch_that_follows_the_erasure(tmp_path: Path) -> None:
    """The store may still hold her row then: it was written by a batch that ran beside the erasure."""
    fresh, world = World(tmp_path / "fresh"), World(tmp_path / "world")
    new = learned(fresh, batches())
    old = learned(world, [*batches(), likes(9_001, 9_002)])
    [row] = world.store.read_users([ERIKA])
    assert row is not None
    for each in (fresh, world):
        erase(each)
    world.store.write_users({ERIKA: row.row}, int(AT))
    for learning in (new, old):
        learning.learn(likes(9_003, at=AT + 15.0))
    rows = [each.store.read_users([ERIKA])[0] for each in (fresh, world)]
    assert rows[0] is not None
    assert rows[0] == rows[1]


def test_no_file_names_her_and_a_replay_gives_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    some = batches()
    learning = learned(world, [*some[:7], likes(9_001), likes(9_002), *some[7:]], snapshot_every=3)
    noted = erase(world)
    learning.learn(Batch())
    held = digest(learning.state, {}), world.digest()
    assert named(tmp_path)
    assert [each.person for each in learning.forget()] == [ERIKA]
    assert named(tmp_path) == []
    assert learning.forget() == []
    assert erasures.has_forgotten(world.keys, "journal", ERIKA, noted.score)
    for oldest in (True, False):
        found = learning.history.replay(oldest=oldest)
        assert not any("erased" in name for name in found.people)
        assert (digest(found.state, {}), found.digest) == held
    world.lose()
    assert (digest(world.start().state, {}), world.digest()) == held


def test_who_comes_again_after_the_erasure_keeps_their_new_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    some = batches()
    learning = learned(world, [*some[:4], likes(9_001)], snapshot_every=2)
    erase(world)
    for batch in (Batch(), likes(9_003, at=AT + 15.0), *some[4:]):
        learning.learn(batch)
    learning.snapshot()
    learning.learn(likes(9_004, at=AT + 16.0))
    vector = world.keys.get([names.factors(ERIKA)])
    learning.forget()
    for oldest in (True, False):
        found = learning.history.replay(oldest=oldest)
        assert [found.people[ERIKA]] == vector
        assert not any("erased" in name for name in found.people)
    assert b"e9001" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    world.lose()
    world.start()
    assert world.keys.get([names.factors(ERIKA)]) == vector


def test_going_back_to_before_the_erasure_does_not_bring_her_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    learning = learned(world, [*batches(), likes(9_001)])
    learning.snapshot()
    version = learning.state.version
    erase(world)
    learning.learn(Batch())
    for forgets in (False, True):
        if forgets:
            assert obey(Order("o", forget=True), learning).error == ""
        learning.take_back(back_to=version)
        assert world.keys.get([names.factors(ERIKA)]) == [None]
        assert not any(key.startswith(names.factors("erased-")) for key in world.keys._values)
    learning.forget()
    assert named(tmp_path) == []
    world.lose()
    world.start()
    assert world.keys.get([names.factors(ERIKA)]) == [None]


def test_a_journal_put_back_from_a_copy_does_not_bring_her_back(tmp_path: Path) -> None:
    world = World(tmp_path / "learner")
    learning = learned(world, [*batches(), likes(9_001)])
    learning.snapshot()
    copy = shutil.copytree(world.folder, tmp_path / "copy")
    erase(world)
    learning.learn(Batch())
    learning.forget()
    shutil.rmtree(world.folder)
    copy.rename(world.folder)
    world.keys.delete([names.ONLINE_STATE, names.ONLINE_VERSION])
    again = world.start()
    again.learn(Batch())
    assert not known(world, again)
    again.forget()
    assert named(world.folder) == []
    assert not known(world, world.start())
