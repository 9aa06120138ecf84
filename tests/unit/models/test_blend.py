import json
from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.blend import Blend, Weights, fit_blend
from hidden_gems.models.conditional_logit import BUCKETS, buckets, inputs
from hidden_gems.models.held_out import HeldOut, hold_out
from tests.logs import log_of, town


def _tables(held_out: HeldOut, seed: int = 0) -> dict[str, np.ndarray]:
    """One member that knows half of what comes, one that knows the other half, one that knows nothing."""
    random = np.random.default_rng(seed)
    shape = held_out.new.shape
    noise = [random.normal(size=shape).astype(np.float32) for _ in range(3)]
    half = random.random(shape) < 0.5
    new = held_out.new.toarray()
    return {"left": 100 * (noise[0] + 2 * new * half), "right": noise[1] + 2 * new * ~half, "noise": noise[2]}


@pytest.fixture(scope="module")
def log() -> Interactions:
    return town(events=6_000, users=300, items=120)


def test_inputs_hold_whatever_scale_a_member_scores_on() -> None:
    table = np.array([[-np.inf, 3.0, 1.0, 2.0, 9.0]], dtype=np.float32)
    hidden = np.array([[True, False, False, False, True]])
    found = inputs([table, 10 * table - 4], hidden)
    assert found.shape == (1, 5, 4)
    np.testing.assert_allclose(found[0, :, 0], [0, np.sqrt(1.5), -np.sqrt(1.5), 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[0, :, 2], np.log(101) - np.log([101, 1, 3, 2, 101]), atol=1e-6)
    np.testing.assert_allclose(found[:, :, 0], found[:, :, 1], atol=1e-6)
    np.testing.assert_allclose(found[:, :, 2], found[:, :, 3], atol=1e-6)


def test_standard_scores_are_cut_and_only_the_best_hundred_have_a_place() -> None:
    table = np.concatenate([[-np.inf], np.arange(400.0), [1e6]])[None].astype(np.float32)
    found = inputs([table], np.isinf(table))
    assert found[0, -1, 0] == 8.0
    assert (found[0, :, 1] > 0).sum() == 100
    assert found[0, 301, 1] == 0.0  # hundred and first
    assert found[0, 302, 1] == pytest.approx(np.log(101 / 100))


def test_people_are_told_apart_by_how_much_and_how_lately() -> None:
    pairs = [(1, 1)] * 9 + [(2, 1)] * 10 + [(3, 1)] * 50 + [(4, 1)] * 11 + [(5, 1)] * 20
    log = log_of(pairs, users=8, items=3)
    assert buckets(log, np.array([1, 2, 3, 4, 5, 6])).tolist() == [5, 6, 7, 6, 2, 4]
    assert buckets(replace(log, order_only=True), np.array([1, 3, 5, 6])).tolist() == [1, 3, 2, 0]
    assert BUCKETS == 8


def test_a_blend_beats_each_of_its_members_and_drops_noise(log: Interactions) -> None:
    early, held_out = hold_out(log)
    assert held_out is not None
    tables = _tables(held_out)
    weights = fit_blend(tables, held_out, early, repeat=False)
    assert set(weights.members) >= {"left", "right"}
    each = {name: float(np.nanmean(held_out.ndcg(table))) for name, table in tables.items()}
    assert weights.ndcg > 1.1 * max(each.values())
    hidden = held_out.seen.toarray() > 0
    hidden[:, 0] = True
    scores = weights.combine(tables, buckets(early, held_out.user), hidden)
    assert (scores[:, 0] == -np.inf).all()
    assert np.isfinite(scores[:, 1:]).all()
    assert float(np.nanmean(held_out.ndcg(scores))) > 1.1 * max(each.values())
    assert set(weights.adds) == set(weights.members)
    assert min(weights.adds[name] for name in ("left", "right")) > 0.03
    if "noise" in weights.members:
        assert weights.adds["noise"] < 0.01


def test_one_member_is_its_own_order(log: Interactions) -> None:
    early, held_out = hold_out(log)
    assert held_out is not None
    table = _tables(held_out)["left"]
    weights = fit_blend({"left": table}, held_out, early, repeat=False)
    hidden = held_out.seen.toarray() > 0
    scores = weights.combine({"left": table}, buckets(early, held_out.user), hidden)
    same = np.isclose(held_out.ndcg(scores), held_out.ndcg(table), equal_nan=True)
    assert same.mean() > 0.97  # a bucket of few people may weigh scores and places against each other
    assert weights.adds == {"left": weights.ndcg}


def test_with_repeats_known_items_count(log: Interactions) -> None:
    _, held_out = hold_out(log)
    assert held_out is not None
    assert held_out.repeats
    tables = _tables(held_out) | {"own": held_out.seen.toarray().astype(np.float32)}
    blend = Blend.fit(tables, held_out, log)
    assert "own" in blend.again.members
    assert blend.again.ndcg > blend.new.ndcg / 2
    assert blend.weights(True) is blend.again
    assert blend.weights(False) is blend.new
    assert set(blend.members) == {*blend.new.members, *blend.again.members}


def test_with_nothing_to_go_by_all_count_alike() -> None:
    log = log_of([(1, 1), (2, 2)], users=3, items=4)
    blend = Blend.fit({"a": np.zeros((0, 4), np.float32), "b": np.zeros((0, 4), np.float32)}, None, log)
    assert blend.new == blend.again
    assert blend.new.shared.tolist() == [0.5] * 4
    tables = {"a": np.array([[0, 3, 2, 1]], np.float32), "b": np.array([[0, 30, 20, 10]], np.float32)}
    scores = blend.new.combine(tables, np.array([0]), np.array([[True, False, False, False]]))
    assert scores[0, 1:].argsort()[::-1].tolist() == [0, 1, 2]


def test_weights_come_back_from_json(log: Interactions) -> None:
    _, held_out = hold_out(log)
    assert held_out is not None
    blend = Blend.fit(_tables(held_out), held_out, log)
    again = Blend.from_dict(json.loads(json.dumps(blend.to_dict())))
    np.testing.assert_array_equal(again.new.shared, blend.new.shared)
    np.testing.assert_array_equal(again.again.own, blend.again.own)
    assert again.new.members == blend.new.members
    assert again.new.adds == blend.new.adds


def test_equal_inputs_give_equal_weights(log: Interactions) -> None:
    early, held_out = hold_out(log)
    assert held_out is not None
    first, second = (fit_blend(_tables(held_out), held_out, early, repeat=False) for _ in range(2))
    np.testing.assert_array_equal(first.shared, second.shared)
    assert isinstance(first, Weights)
