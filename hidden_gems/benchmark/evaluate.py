"""Every model under every protocol at one cut-off, in this process, with intervals, beside popular and random order."""

import time
from collections.abc import Sequence

from hidden_gems.benchmark.contender import Oracle, Progress, TrueReward
from hidden_gems.benchmark.judgement import LOGGED, ORACLE, Judgement, judge, judge_logged
from hidden_gems.benchmark.pool import pooled
from hidden_gems.benchmark.sheet import Sheet, Window
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import split_by_time
from hidden_gems.evaluation.intervals import RESAMPLES
from hidden_gems.evaluation.report import Evaluation


def evaluate(
    dataset: Dataset,
    models: Sequence[str],
    *,
    k: int = 10,
    shelf: Shelf | None = None,
    seed: int = 0,
    oracle: Oracle | None = None,
    progress: Progress = lambda what, share: None,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Fit the models on what came before the test and judge them on it; `rolling` does so at several cut-offs.

    Args:
        dataset: A checked dataset.
        models: Names on the shelf; popular and random are always beside them.
        k: Places.
        shelf: Models of this dataset that may be fitted already; by default a new shelf with the cut-offs of
            `split_by_time`.
        seed: Of everything random.
        oracle: True expected reward, where the data are simulated.
        progress: Told what is done.
        resamples: Of the bootstrap.

    Raises:
        BadInputError: If a model is not on the shelf.
    """
    shelf = shelf or Shelf(dataset, split_by_time(dataset), seed)
    names = with_baselines(models)
    shelf.check(names)
    sheet = Sheet.of(shelf, Window(shelf.split), seed)
    found: dict[str, Judgement] = {}
    for place, name in enumerate(names):
        progress(name, place / len(names))
        started = time.perf_counter()
        member = shelf.members.get((name, shelf.split.test_from))
        found[name] = judge(name, shelf.contender(name), sheet, k, seed, member)
        found[name].seconds = round(time.perf_counter() - started, 2)
    if oracle is not None:
        progress(ORACLE, 1.0)
        truth = TrueReward(oracle, shelf.users, shelf.items, shelf.split.test_from)
        found[ORACLE] = judge(ORACLE, truth, sheet, k, seed)
    if sheet.slates is not None:
        found[LOGGED] = judge_logged(sheet, k, seed)
    progress("done", 1.0)
    return pooled(shelf, [sheet], [found], k=k, seed=seed, resamples=resamples, notes=shelf.notes)


def with_baselines(models: Sequence[str]) -> list[str]:
    """The models once each, between popular and random order."""
    return list(dict.fromkeys(["popular", *(name for name in models if name != "random"), "random"]))
