from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig, RankingRows

NAMES = tuple(f"feature_{number}" for number in range(5))


def rows(queries: int = 60, size: int = 15, seed: int = 0) -> RankingRows:
    """Labels follow features 0 and 1; a tenth of all values are missing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(queries * size, len(NAMES))).astype(np.float32)
    label = np.clip(np.round(x[:, 0] + 0.5 * x[:, 1] + 1), 0, 5).astype(np.int64)
    x[random.random(x.shape) < 0.1] = np.nan
    return RankingRows(x, label, np.full(queries, size))


TRAIN, VALIDATION, TEST = rows(seed=0), rows(seed=1), rows(seed=2)


@pytest.fixture(scope="module")
def fitted() -> LambdaMART:
    return LambdaMART(NAMES).fit(TRAIN.x, TRAIN.label, TRAIN.query_sizes, VALIDATION)


def test_defaults_are_the_plans() -> None:
    config = LambdaMARTConfig()
    assert (config.leaves, config.trees, config.depth, config.rate) == (31, 100, 5, 0.1)
    assert config.label_gain == (0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
    model = LambdaMART(NAMES).fit(TRAIN.x, TRAIN.label, TRAIN.query_sizes)
    assert model.booster.num_trees() == 100
    text = model.booster.model_to_string()
    for parameter in ("num_leaves: 31", "max_depth: 5", "learning_rate: 0.1", "deterministic: 1", "force_row_wise: 1"):
        assert f"[{parameter}]" in text


def test_ranks_better_labels_first(fitted: LambdaMART) -> None:
    label, score = (values.reshape(60, 15) for values in (TEST.label, fitted.score(TEST.x)))
    best = np.take_along_axis(label, score.argmax(axis=1)[:, None], axis=1).mean()
    assert best > label.mean() + 1.0
    assert fitted.score(TEST.x).dtype == np.float32


def test_a_validation_slice_ends_the_trees_early(fitted: LambdaMART) -> None:
    noise = RankingRows(VALIDATION.x, np.random.default_rng(0).permutation(VALIDATION.label), VALIDATION.query_sizes)
    early = LambdaMART(NAMES).fit(TRAIN.x, TRAIN.label, TRAIN.query_sizes, noise)
    assert 1 <= early.booster.num_trees() < 60


def test_contributions_add_up_to_the_score(fitted: LambdaMART) -> None:
    parts = fitted.contributions(TEST.x)
    assert parts.shape == (len(TEST.x), len(NAMES) + 1)
    assert parts.dtype == np.float64
    np.testing.assert_allclose(parts.sum(axis=1), fitted.score(TEST.x), atol=1e-5)
    assert np.abs(parts[:, :5]).mean(axis=0).argmax() == 0


def test_the_same_seed_gives_the_same_trees(fitted: LambdaMART) -> None:
    again = LambdaMART(NAMES).fit(TRAIN.x, TRAIN.label, TRAIN.query_sizes, VALIDATION)
    assert again.booster.model_to_string() == fitted.booster.model_to_string()


def test_saves_and_loads_with_names(fitted: LambdaMART, tmp_path: Path) -> None:
    fitted.save(tmp_path / "ranker")
    fitted.save(tmp_path / "ranker")
    loaded = LambdaMART.load(tmp_path / "ranker")
    assert loaded.names == NAMES
    np.testing.assert_array_equal(loaded.score(TEST.x), fitted.score(TEST.x))


@pytest.mark.parametrize(
    ("count", "sizes", "labels"), [(1, [1], [5]), (15, [15], None), (15, [15], [2] * 15), (3, [1, 2], [0, 0, 0])]
)
def test_little_data_gives_a_model(count: int, sizes: list[int], labels: list[int] | None) -> None:
    label = TRAIN.label[:count] if labels is None else np.array(labels)
    model = LambdaMART(NAMES).fit(TRAIN.x[:count], label, np.array(sizes))
    assert np.isfinite(model.score(TEST.x[:4])).all()
    np.testing.assert_allclose(model.contributions(TEST.x[:4]).sum(axis=1), model.score(TEST.x[:4]), atol=1e-6)


def test_no_rows_score_to_nothing(fitted: LambdaMART) -> None:
    assert fitted.score(TEST.x[:0]).shape == (0,)
    assert fitted.contributions(TEST.x[:0]).shape == (0, 6)


@pytest.mark.parametrize(
    ("x", "label", "sizes", "message"),
    [
        (TRAIN.x[:0], TRAIN.label[:0], [0], "at least one row"),
        (TRAIN.x[:4, :2], TRAIN.label[:4], [4], r"rows X 5 .* got \(4, 2\)"),
        (TRAIN.x[:4], TRAIN.label[:3], [4], "4 rows need as many labels"),
        (TRAIN.x[:4], TRAIN.label[:4], [3], "3 rows in queries"),
        (TRAIN.x[:2], np.array([0, 6]), [2], "labels must lie in 0 to 5"),
        (TRAIN.x[:2], np.array([-1, 5]), [2], "labels must lie in 0 to 5"),
    ],
)
def test_rows_that_do_not_fit(x: np.ndarray, label: np.ndarray, sizes: list[int], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        LambdaMART(NAMES).fit(x, label, np.array(sizes))


def test_what_a_position_adds_is_no_part_of_a_score() -> None:
    random = np.random.default_rng(0)
    queries, size = 1_500, 10
    x = random.normal(size=(queries, size, 2))
    x = np.take_along_axis(x, np.argsort(-x[:, :, 1], axis=1)[:, :, None], axis=1)  # the second orders what is shown
    look = 1.0 / (1.0 + np.arange(size))
    clicked = random.random((queries, size)) < look / (1.0 + np.exp(-2.0 * x[:, :, 0]))  # and the first is what counts
    rows, label = x.reshape(-1, 2).astype(np.float32), clicked.reshape(-1).astype(np.int64)
    position, sizes = np.tile(np.arange(size), queries), np.full(queries, size)
    names = ("worth", "shown_first")
    plain = LambdaMART(names).fit(rows, label, sizes)
    corrected = LambdaMART(names).fit(rows, label, sizes, position=position)
    fresh = random.normal(size=(5_000, 2)).astype(np.float32)
    with_first, without = (abs(np.corrcoef(model.score(fresh), fresh[:, 1])[0, 1]) for model in (plain, corrected))
    assert without < 0.5 * with_first
    worth = [np.corrcoef(model.score(fresh), fresh[:, 0])[0, 1] for model in (plain, corrected)]
    assert worth[1] > worth[0]
