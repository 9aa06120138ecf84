"""One model fitted on everything, and its best items for everyone."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from hidden_gems.benchmark.blend import BLEND, Blended, fit_blended
from hidden_gems.benchmark.contender import Contender, Progress
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Rows
from hidden_gems.datasets.split import TimeSplit, split_by_time
from hidden_gems.evaluation.truth import seen_matrix
from hidden_gems.models.size import Preset
from hidden_gems.models.top_k import NO_ITEM, top_k

_CHUNK_CELLS = 20_000_000


def rank(
    dataset: Dataset,
    model: str,
    *,
    k: int = 20,
    repeat: bool = False,
    original_ids: Mapping[str, str] | None = None,
    seed: int = 0,
    preset: Preset = "auto",
    note: Callable[[str], None] = lambda words: None,
    progress: Progress = lambda what, share: None,
) -> pd.DataFrame:
    """Fit one model on all interactions and recommend to everyone who has one.

    Args:
        dataset: A checked dataset.
        model: Name on the shelf.
        k: Items for each person at most; a person who knows almost everything gets fewer.
        repeat: Whether items that the person knows may be recommended.
        original_ids: Id in the input of each pseudonym; people that are not in it keep the id of the dataset.
        seed: Of everything random.
        preset: Sizes of the models.
        note: Told what is worth knowing about the fit, in words.
        progress: Told what is done.

    Returns:
        user_id, rank (from 1), item_id, score; people in the order of `dataset.users`, best items first.

    Raises:
        BadInputError: If the model is not on the shelf or k is below 1.
    """
    if k < 1:
        raise BadInputError(f"k must be at least 1, got {k}")
    shelf = Shelf(dataset, split_for_ranking(dataset), seed, preset)
    progress(f"fitting {model}", 0.0)
    contender = _blended(shelf, note, progress) if model == BLEND else shelf.contender(model)
    known = csr_matrix(seen_matrix(shelf.all_feedback(dataset.now)))
    people = np.unique(shelf.users.rows(dataset.interactions["user_id"].tolist()))
    step = max(1, _CHUNK_CELLS // len(shelf.items))
    parts = []
    for start in range(0, len(people), step):
        progress(f"ranking with {model}", 0.5 + 0.5 * start / len(people))
        users = people[start : start + step]
        items, scores = top_k(contender.catalogue(users, repeat), k, None if repeat else known[users])
        parts.append(_lines(shelf, users, items, scores, original_ids or {}))
    progress("done", 1.0)
    return pd.concat(parts, ignore_index=True)


def _blended(shelf: Shelf, note: Callable[[str], None], progress: Progress) -> Contender:
    """The blend of all recommenders, fitted on everything; the slow ones are dropped, in words."""
    moment = shelf.dataset.now
    log = shelf.log(moment)
    kept = fit_blended(
        log, shelf.facts, preset=shelf.preset, seed=shelf.seed, progress=lambda what, share: progress(what, share / 2)
    )
    for words in kept.notes:
        note(words)
    known = shelf.all_feedback(moment)
    return Blended(kept.blend, kept.members, log, known, shelf.users, shelf.items, moment)


def split_for_ranking(dataset: Dataset) -> TimeSplit:
    """The last fifth of the interactions teaches the ranker; everything else is fitted on all of them."""
    return TimeSplit(rank_from=split_by_time(dataset).test_from, test_from=dataset.now)


def _lines(shelf: Shelf, users: Rows, items: Rows, scores: np.ndarray, original_ids: Mapping[str, str]) -> pd.DataFrame:
    row, place = np.nonzero(items != NO_ITEM)
    names = [original_ids.get(name, name) for name in (shelf.users.ids[user] for user in users)]
    return pd.DataFrame(
        {
            "user_id": np.array(names, dtype=object)[row],
            "rank": place + 1,
            "item_id": np.array(shelf.items.ids, dtype=object)[items[row, place]],
            "score": scores[row, place].astype(np.float64),
        }
    )
