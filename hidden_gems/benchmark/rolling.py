"""Every model at several rolling cut-offs, each in a process of its own, and all values pooled."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from hidden_gems.benchmark.apart import Call, Ended, peak_mb, run_apart, workers
from hidden_gems.benchmark.blend import BLEND, Blended
from hidden_gems.benchmark.cache import Cache
from hidden_gems.benchmark.contender import Contender, Progress
from hidden_gems.benchmark.evaluate import with_baselines
from hidden_gems.benchmark.judgement import LOGGED, ORACLE, Judgement, judge, judge_logged
from hidden_gems.benchmark.pool import pooled
from hidden_gems.benchmark.registry import DEEP, RECOMMENDERS
from hidden_gems.benchmark.sheet import Sheet, Window, rolling_windows
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.evaluation.intervals import RESAMPLES
from hidden_gems.evaluation.report import Evaluation
from hidden_gems.models.size import Preset
from hidden_gems.recommend.ranking import SOURCES

CUTOFFS = 4


@dataclass(frozen=True)
class Part:
    """A model to be fitted before a moment, and (with a window) to be judged at it."""

    name: str
    before: int
    split: TimeSplit
    window: Window | None
    after: tuple[int, ...] = ()  # places of the parts it needs

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.name} before {self.before}"


def evaluate_rolling(
    dataset: Dataset,
    models: Sequence[str],
    folder: Path,
    *,
    cutoffs: int = CUTOFFS,
    k: int = 10,
    seed: int = 0,
    preset: Preset = "auto",
    jobs: int | None = None,
    truth: Callable[[Shelf, int], Contender] | None = None,
    progress: Progress = lambda what, share: None,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Fit each model once before each cut-off, judge it on what came until the next one, and pool the values.

    What is done is kept in `folder`; a call with the same data, settings and code goes on from there. A model that
    fails at any cut-off is in `failed` with its reason and has no figures.

    Args:
        dataset: A checked dataset.
        models: Names on the shelf; popular and random are always beside them.
        folder: Of finished work.
        cutoffs: How many; see `rolling_windows`.
        k: Places.
        seed: Of everything random.
        preset: Sizes of the models.
        jobs: Processes at a time, one thread each; by default one for each core.
        truth: The order by the truth at a cut-off, where the data are simulated.
        progress: Told what was done last, and about how long the rest takes.
        resamples: Of the bootstrap.

    Raises:
        BadInputError: If a model is not on the shelf, or there is to be no cut-off.
        HiddenGemsError: If every model failed.
    """
    names = with_baselines(models)
    Shelf.check(names)
    windows = rolling_windows(dataset, cutoffs)
    cache = Cache.of(folder, dataset, preset, seed, k)
    parts = plan(names, windows)
    failed = _work(cache, parts, jobs, progress)
    progress("putting all values together", 1.0)
    done = [name for name in names if name not in failed]
    if not done:
        raise HiddenGemsError(f"no model could be judged; {names[0]}: {failed[names[0]]}")
    shelf = Shelf(dataset, windows[-1].split, seed, preset)
    sheets = [Sheet.of(shelf, window, seed) for window in windows]
    found = [{name: Judgement.load(cache.judgement(name, window)) for name in done} for window in windows]
    for sheet, judgements in zip(sheets, found, strict=True):
        if truth is not None:
            judgements[ORACLE] = judge(ORACLE, truth(shelf, sheet.window.split.test_from), sheet, k, seed)
        if sheet.slates is not None:
            judgements[LOGGED] = judge_logged(sheet, k, seed)
    progress("done", 1.0)
    return pooled(shelf, sheets, found, k=k, seed=seed, resamples=resamples, failed=failed)


def plan(names: Sequence[str], windows: Sequence[Window]) -> list[Part]:
    """All parts, cut-off by cut-off; at each what takes longest first, and what needs others after them."""
    parts: list[Part] = []
    for window in windows:
        split = window.split
        singles = [*(n for n in names if n in DEEP), *(n for n in names if n in RECOMMENDERS and n not in DEEP)]
        composed = [name for name in names if name not in RECOMMENDERS]
        if BLEND in composed:
            singles += [name for name in RECOMMENDERS if name not in singles]
        if "lambdamart" in composed:
            scored = _scored(names)
            singles += [name for name in scored if name not in singles]
            rank_from = split.rank_from
            parts += [Part(name, rank_from, split, None) for name in scored if _place(parts, name, rank_from) is None]
        parts += [Part(n, split.test_from, split, window if n in names else None) for n in singles]
        parts += [Part(n, split.test_from, split, window, _needs(n, names, parts, split)) for n in composed]
    return parts


def _place(parts: Sequence[Part], name: str, before: int) -> int | None:
    return next((place for place, part in enumerate(parts) if (part.name, part.before) == (name, before)), None)


def _scored(names: Sequence[str]) -> tuple[str, ...]:
    """Models whose scores the ranker sees: the deep ones that are judged beside it, at least NCF, and its sources."""
    return (*(name for name in DEEP if name in names or name == "ncf"), *SOURCES)


def _needs(name: str, names: Sequence[str], parts: Sequence[Part], split: TimeSplit) -> tuple[int, ...]:
    """Places of what a composed model is made of."""
    at = (split.rank_from, split.test_from)
    if name == "lambdamart":
        return tuple(n for n, part in enumerate(parts) if part.name in _scored(names) and part.before in at)
    if name == BLEND:
        return tuple(n for n, part in enumerate(parts) if part.name in RECOMMENDERS and part.before == at[1])
    return ()


def _work(cache: Cache, parts: Sequence[Part], jobs: int | None, progress: Progress) -> dict[str, str]:
    """Do what is not done yet; gives each model that failed anywhere with its first reason."""
    todo = [n for n, part in enumerate(parts) if not _is_done(cache, part)]
    if len(todo) < len(parts):
        progress(f"{len(parts) - len(todo)} of {len(parts)} parts were done before", 1 - len(todo) / len(parts))
    calls = [Call(do_part, (cache, part, [parts[n] for n in part.after]), part.after) for part in parts]
    failed: dict[str, str] = {}
    ended: list[Ended] = []
    for each in run_apart(calls, jobs, chosen=todo) if todo else ():
        ended.append(each)
        part, left = parts[each.place], [parts[n] for n in todo if n not in {e.place for e in ended}]
        if each.failure:
            failed.setdefault(part.name, each.failure)
        minutes = seconds_left(parts, ended, left, jobs) / 60
        words = f"{part.where}: {each.failure or f'{each.seconds:.0f} s'}"
        progress(f"{words}; {len(left)} of {len(parts)} left, about {minutes:.0f} min", 1 - len(left) / len(parts))
    return failed


def seconds_left(parts: Sequence[Part], ended: Sequence[Ended], left: Sequence[Part], jobs: int | None) -> float:
    """Estimate of the time left: each part as long as those of the same model were, else as all were."""
    took: dict[str, list[float]] = {}
    for each in ended:
        took.setdefault(parts[each.place].name, []).append(each.seconds)
    usual = fmean(each.seconds for each in ended)
    return sum(fmean(took.get(part.name, [usual])) for part in left) / workers(jobs)


def _is_done(cache: Cache, part: Part) -> bool:
    if part.window is None:
        return cache.is_fitted(part.name, part.before)
    return cache.is_judged(part.name, part.window)


def do_part(cache: Cache, part: Part, needed: Sequence[Part]) -> None:
    """Fit and judge, in a process of its own; a model that has nothing to learn from is not fitted."""
    shelf = cache.shelf(part.split)
    member = None
    if part.name in RECOMMENDERS and len(shelf.log(part.before).user):
        member = cache.fitted(shelf, part.name, part.before)
        shelf.keep_member(part.before, member)
    if part.window is None:
        return
    for each in needed:
        if cache.is_fitted(each.name, each.before):
            shelf.keep_member(each.before, cache.load(shelf, each.name, each.before))
        elif part.name != BLEND and len(shelf.log(each.before).user):
            raise HiddenGemsError(f"it needs {each.name}, which failed")
    if part.name == "lambdamart":
        shelf.deep = tuple(name for name in DEEP if name in {each.name for each in needed})
    started = time.perf_counter()
    contender = shelf.contender(part.name)
    found = judge(part.name, contender, Sheet.of(shelf, part.window, cache.seed), cache.k, cache.seed, member)
    found.seconds = round(found.seconds + time.perf_counter() - started, 2)
    found.peak_mb, found.notes = found.peak_mb or round(peak_mb(), 1), tuple(shelf.notes)
    if isinstance(contender, Blended):
        found.held_out, found.adds = contender.blend.value, dict(contender.blend.adds)
    path = cache.judgement(part.name, part.window)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
