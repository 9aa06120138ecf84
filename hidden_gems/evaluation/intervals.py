"""How sure a mean is: percentile bootstrap over people, the same resamples for every model.

Notation: B values, U people, R resamples. A person is resampled with all their values, so that slates of one person
are not taken for independent ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.evaluation.metrics import Floats

RESAMPLES = 1_000
LEVEL = 0.95
_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, and how many people it rests on."""

    value: float
    low: float
    high: float
    users: int


def mean_intervals(
    values: Mapping[str, Floats], people: NDArray[np.int64] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Mean of each metric with its interval; metrics with values for the same people share their resamples.

    Args:
        values: B for each metric; NaN where there is no value.
        people: Row of the person of each value, B; None for one value a person.
        seed: Of the resamples.
        resamples: R.

    Returns:
        All NaN with 0 users for a metric that has no value.

    Source:
        Efron (1979), percentile bootstrap; people are the clusters.
    """
    found: dict[str, Interval] = {}
    missing = {name: np.isnan(table).tobytes() for name, table in values.items()}
    for pattern in dict.fromkeys(missing.values()):
        names = [name for name in values if missing[name] == pattern]
        sums, counts = _by_person(np.stack([values[name] for name in names]), people)
        if not len(counts):
            found |= dict.fromkeys(names, Interval(np.nan, np.nan, np.nan, 0))
            continue
        weights = resample_weights(len(counts), seed, resamples)
        drawn = np.concatenate([(w @ sums.T) / (w @ counts)[:, None] for w in weights])  # R X names
        whole = sums.sum(axis=1) / counts.sum()
        found |= {n: interval_of(float(whole[i]), drawn[:, i], len(counts)) for i, n in enumerate(names)}
    return {name: found[name] for name in values}


def mean_interval(
    values: Floats, people: NDArray[np.int64] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Mean of the values that are not NaN, with its interval; as `mean_intervals`."""
    return mean_intervals({"": values}, people, seed, resamples)[""]


def paired_difference(
    first: Floats,
    second: Floats,
    people: NDArray[np.int64] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Mean of first - second over what has both values; shapes as in `mean_interval`."""
    return mean_interval(first - second, people, seed, resamples)


def paired_ratio(
    first: Floats,
    second: Floats,
    people: NDArray[np.int64] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Mean of first over mean of second, both over what has both values.

    A resample in which the second mean is 0 gives infinity (or NaN when both are 0), so a ratio that is not known from
    these people has an interval that says so. Shapes as in `mean_interval`.
    """
    both = np.isfinite(first) & np.isfinite(second)
    pair = np.where(both, np.stack([first, second]), np.nan)
    sums, counts = _by_person(pair, people)
    if not len(counts):
        return Interval(np.nan, np.nan, np.nan, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.concatenate([(w @ sums[0]) / (w @ sums[1]) for w in resample_weights(len(counts), seed, resamples)])
        value = float(sums[0].sum() / sums[1].sum())
    return interval_of(value, drawn, len(counts))


@dataclass(frozen=True)
class Paired:
    """Means of several models over the same values, and the same means of every resample of people.

    Notation: M models, R resamples.
    """

    names: tuple[str, ...]  # M
    means: Floats  # M
    drawn: Floats  # R X M
    users: int  # people

    @classmethod
    def of(
        cls,
        values: Mapping[str, Floats],
        people: NDArray[np.int64] | None = None,
        seed: int = 0,
        resamples: int = RESAMPLES,
    ) -> "Paired | None":
        """Resample what all models have a value for; None where there is nothing.

        Args:
            values: B for each model; NaN where there is no value.
            people: Row of the person of each value, B; None for one value a person.
            seed: Of the resamples, the same as in `mean_intervals`.
            resamples: R.
        """
        table = np.stack(list(values.values()))
        table = np.where(np.isfinite(table).all(axis=0), table, np.nan)
        sums, counts = _by_person(table, people)
        if not len(counts):
            return None
        weights = resample_weights(len(counts), seed, resamples)
        drawn = np.concatenate([(w @ sums.T) / (w @ counts)[:, None] for w in weights])
        return cls(tuple(values), sums.sum(axis=1) / counts.sum(), drawn, len(counts))

    def difference(self, first: str, second: str) -> Interval:
        """Mean of first minus mean of second."""
        a, b = self.names.index(first), self.names.index(second)
        return interval_of(float(self.means[a] - self.means[b]), self.drawn[:, a] - self.drawn[:, b], self.users)

    def ratio(self, first: str, second: str) -> Interval:
        """Mean of first over mean of second; infinite or NaN ends where a resample of second has only zeros."""
        a, b = self.names.index(first), self.names.index(second)
        with np.errstate(divide="ignore", invalid="ignore"):
            return interval_of(float(self.means[a] / self.means[b]), self.drawn[:, a] / self.drawn[:, b], self.users)


def _by_person(values: Floats, people: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Sum (M X U) and count (U) of the values of each person that has any."""
    known = ~np.isnan(values[0])
    kept = values[:, known]
    if people is None:
        return kept, np.ones(kept.shape[1])
    _, person = np.unique(people[known], return_inverse=True)
    users = int(person.max(initial=-1)) + 1
    sums = np.array([np.bincount(person, weights=row, minlength=users) for row in kept], dtype=np.float64)
    return sums, np.bincount(person, minlength=users).astype(np.float64)


def resample_weights(users: int, seed: int, resamples: int) -> Iterator[Floats]:
    """How often each of U people was drawn, in chunks of resamples, chunk X U."""
    random = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // users)
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = random.integers(users, size=(size, users)) + users * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * users).reshape(size, users).astype(np.float64)


def interval_of(value: float, drawn: Floats, users: int) -> Interval:
    """A value with the 95 % interval of its resamples."""
    with np.errstate(invalid="ignore"):  # between two infinities
        low, high = np.quantile(drawn, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(value, float(low), float(high), users)


def wilson(yes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent cases; 0 to 1 where there is none.

    Source:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Examples:
        >>> [round(end, 3) for end in wilson(18, 20)]
        [0.699, 0.972]
    """
    if not count:
        return 0.0, 1.0
    from scipy.stats import binomtest  # a second of work, and most who are here need means only

    ends = binomtest(yes, count).proportion_ci(LEVEL, "wilson")
    return float(ends.low), float(ends.high)
