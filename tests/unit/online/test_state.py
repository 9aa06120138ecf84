from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.errors import ReleaseError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ONLINE_STATE, ONLINE_VERSION
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import BadStateError, OnlineState, follow, prior_state, publish
from hidden_gems.online.thompson import BetaThompson


def state(version: int = 3) -> OnlineState:
    arms = BetaThompson(half_life=9.0)
    arms.learn_one("çay-bahçesi", 2, 0.5)
    factors = OnlineFactors(dimensions=4, seed=5)
    factors.add_items(["çay-bahçesi"])
    return OnlineState(version, arms, factors)


def release(folder: Path, **arrays: object) -> Path:
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    known = {"item_ids": ["", "a", "b"], "successes": [2.0, 3.0, 0.0], "failures": [8.0, 7.0, 10.0]} | arrays
    np.savez(folder / "policy" / "arms.npz", **{name: np.array(each) for name, each in known.items()})  # type: ignore[arg-type]
    return folder


def test_bytes_hold_everything() -> None:
    back = OnlineState.from_bytes(state().to_bytes())
    assert (back.version, back.arms.half_life, back.arms.index.ids) == (3, 9.0, ["çay-bahçesi"])
    assert (back.factors.dimensions, back.factors.seed) == (4, 5)
    assert (back.factors.table() == state().factors.table()).all()
    np.testing.assert_array_equal(back.arms.belief(["çay-bahçesi"]), state().arms.belief(["çay-bahçesi"]))


def test_every_torn_or_changed_value_is_refused() -> None:
    whole = state().to_bytes()
    for end in range(0, len(whole), 37):
        with pytest.raises(BadStateError, match="online:state"):
            OnlineState.from_bytes(whole[:end])
    for at in range(14, len(whole), 101):
        with pytest.raises(BadStateError, match="does not match its hash"):
            OnlineState.from_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(BadStateError, match="no online state"):
        OnlineState.from_bytes(b"foreign")


def test_a_whole_value_of_something_else_is_refused() -> None:
    import hashlib

    from hidden_gems.online import state as module

    for body in (b"", b"PK no zip", b"\x80\x04."):
        value = module._MAGIC + hashlib.sha256(body).digest() + body
        with pytest.raises(BadStateError, match="cannot be read"):
            OnlineState.from_bytes(value)


def test_followers_take_what_is_stored_if_they_do_not_hold_it() -> None:
    keys = MemoryKeyValue()
    assert follow(keys, None) is None
    publish(keys, state(3), {"factors:ada": b"x"})
    assert keys.get([ONLINE_VERSION, "factors:ada"]) == [b"3", b"x"]
    found = follow(keys, None)
    assert found is not None
    assert found.version == 3
    assert follow(keys, found) is None
    for version in (4, 1):
        publish(keys, state(version))
        other = follow(keys, found)
        assert other is not None
        assert other.version == version


def test_the_state_is_written_before_its_version_and_after_all_else() -> None:
    class Order(MemoryKeyValue):
        def put(self, values):  # type: ignore[no-untyped-def]
            order.append(list(values))
            super().put(values)

    order: list[list[str]] = []
    publish(Order(), state(), {"a": b"1", "b": b"2"})
    assert order == [["a", "b", ONLINE_STATE, ONLINE_VERSION]]


def test_a_version_without_its_state_is_no_state() -> None:
    keys = MemoryKeyValue()
    keys.put({ONLINE_VERSION: b"3"})
    assert follow(keys, None) is None


def test_the_prior_state_has_the_arms_of_the_release_and_a_wide_mean_for_new_ones(tmp_path: Path) -> None:
    found = prior_state(release(tmp_path), half_life=50.0)
    assert (found.version, found.arms.half_life) == (0, 50.0)
    mean, spread = found.arms.belief(["a", "b", "new"])
    assert mean == pytest.approx([0.3, 0.001 / 10.001, 0.2])
    assert spread[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 11))
    assert spread[2] == pytest.approx(np.sqrt(0.2 * 0.8 / 3))
    assert found.factors.index.ids == ["a", "b"]
    assert found.factors.table()[1:, 1:].all()
    assert prior_state(tmp_path).arms.half_life is None


def test_a_release_without_priors_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"arms.npz holds no priors"):
        prior_state(tmp_path)
    for wrong in ({"successes": [np.nan, 1.0, 1.0]}, {"failures": [1.0]}, {"item_ids": [None, "a", "b"]}):
        with pytest.raises(ReleaseError, match=r"arms.npz holds no priors"):
            prior_state(release(tmp_path, **wrong))
    (tmp_path / "policy" / "arms.npz").write_bytes(b"torn")
    with pytest.raises(ReleaseError, match=r"arms.npz holds no priors"):
        prior_state(tmp_path)
