"""The model of the reward that DM and DR use: trees on context, position and item, cross-fitted.

Notation: N places, E entries, F features.
"""

import lightgbm
import numpy as np
import pandas as pd

from hidden_gems.evaluation.metrics import Floats, Rows
from hidden_gems.evaluation.off_policy.rounds import Rounds

FOLDS = 5
TREES = 40
_PARAMETERS = {
    "objective": "regression",
    "num_leaves": 4,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "lambda_l2": 100.0,  # where rewards are rare, less of it made DR noisier than IPS
    "min_data_per_group": 20,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}
_MOST_WORDS = 255
_UNBALANCED = 4.0  # standard errors
_CHUNK_ROWS = 1_000_000


def cross_fitted(rounds: Rounds, seed: int = 0) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Expected reward of what was shown and of what the target would show, by models that have not seen the place.

    People (or rounds) are dealt into folds; the places of a fold are predicted by a model of the other folds, so that
    DR stays unbiased. A single cluster has no other folds: 0 for everything, and DR is IPS.

    Args:
        rounds: The log and the target.
        seed: Of the folds and the trees.

    Returns:
        q(x, a) of the item that was shown, N; q(x, e), N; and what was left out of the model, in words.

    Source:
        Chernozhukov et al. (2018), Double/Debiased Machine Learning: cross-fitting. The trees are LightGBM's.
    """
    context, words, notes = _context(rounds)
    clusters = int(rounds.cluster.max()) + 1
    folds = min(FOLDS, clusters)
    fold = np.random.default_rng(seed).permutation(clusters)[rounds.cluster] % folds
    shown = _features(context, rounds.position, rounds.item)
    modelled, expected = np.zeros(len(fold)), np.zeros(len(fold))
    for number in range(folds) if folds > 1 else ():
        own = fold == number
        booster = _fitted(shown[~own], rounds.reward[~own], [*words, shown.shape[1] - 1], seed)
        modelled[own] = booster.predict(shown[own], num_threads=1)
        expected += _under_target(booster, context, rounds, np.flatnonzero(own[rounds.place]))
    return modelled, expected, notes


def _fitted(features: Floats, reward: Floats, categorical: list[int], seed: int) -> lightgbm.Booster:
    data = lightgbm.Dataset(features, label=reward, categorical_feature=categorical, params={"verbosity": -1})
    return lightgbm.train({**_PARAMETERS, "seed": seed}, data, num_boost_round=TREES)


def _under_target(booster: lightgbm.Booster, context: Floats, rounds: Rounds, entries: Rows) -> Floats:
    """q(x, e) of the places of some entries, N; 0 elsewhere."""
    total = np.zeros(len(rounds.item))
    for start in range(0, len(entries), _CHUNK_ROWS):
        some = entries[start : start + _CHUNK_ROWS]
        place = rounds.place[some]
        features = _features(context[place], rounds.position[place], rounds.candidate[some])
        found = rounds.chance[some] * booster.predict(features, num_threads=1)
        total += np.bincount(place, weights=found, minlength=len(total))
    return total


def _features(context: Floats, position: Rows, item: Rows) -> Floats:
    """Context, position and item side by side, rows X F."""
    return np.column_stack([context, position, item]).astype(np.float64)


def _context(rounds: Rounds) -> tuple[Floats, list[int], tuple[str, ...]]:
    """Columns that a model may use, N X columns; which of them are words; and which were left out, and why."""
    kept: list[Floats] = []
    words: list[int] = []
    notes: list[str] = []
    for name, column in rounds.context.items():
        values, is_words = _numbers(column)
        if is_words and values.max() >= _MOST_WORDS:
            notes.append(f"{name} is no feature: more than {_MOST_WORDS} different words")
        elif _tells_the_item(values, is_words, rounds):
            notes.append(f"{name} is no feature: it tells which item was shown (or the propensities are wrong)")
        else:
            words += [len(kept)] if is_words else []
            kept.append(values)
    return np.column_stack(kept) if kept else np.empty((len(rounds.item), 0)), words, tuple(notes)


def _numbers(column: "pd.Series[object]") -> tuple[Floats, bool]:
    """Numbers as they are, NaN where unknown; words by their number."""
    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.notna() | column.isna()).all():
        values = numbers.to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan), False
    return pd.factorize(column.astype(str), sort=True)[0].astype(np.float64), True


def _tells_the_item(values: Floats, is_words: bool, rounds: Rounds) -> bool:
    """Whether a column depends on what was shown: DR would be biased, as q of another item would see it.

    It does where each item has one value only, or where weighing the places to look like the target's moves its mean,
    which cannot happen to what was known before the choice.
    """
    told = pd.Series(values)
    by_item = told.groupby(rounds.item).agg(["nunique", "size"])
    if told.nunique() > 1 and (by_item["nunique"] <= 1).all() and (by_item["size"] > 1).any():
        return True
    number = (values == np.bincount(values.astype(np.int64)).argmax()).astype(np.float64) if is_words else values
    number = np.nan_to_num(number - np.nanmean(number)) if np.isfinite(number).any() else np.zeros(len(number))
    moved = (rounds.probability / rounds.propensity - 1.0) * number
    return bool(abs(moved.mean()) > _UNBALANCED * moved.std() / np.sqrt(len(moved)))
