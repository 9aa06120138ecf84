"""Three protocols side by side: the full catalogue, 100 uniform negatives, and logged impression lists.

The same model scores very differently under each (decision 4), so every figure names its protocol. All return one value
a person (or a slate), from which intervals and paired differences are made.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.evaluation import metrics
from hidden_gems.evaluation.metrics import Floats, Rows
from hidden_gems.evaluation.truth import Truth

Scores = Callable[[Rows], NDArray[np.floating]]
"""Scores of all items for the people in these rows: B rows of the user index give B X I, unknown item 0 included."""

NEGATIVES = 100
CLICK_LABEL = 2
"""Smallest label of an impression list that counts as relevant where relevance is yes or no."""

_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Outcome:
    """What one model did under one protocol.

    Notation: B values of each metric (people, or slates), k places.
    """

    protocol: str
    people: Rows  # row of the person behind each value, B
    values: dict[str, Floats]  # metric: B; NaN where it does not exist for that person
    lists: Rows  # item rows that were recommended, -1 where short, B X k
    left_out: int  # people (or slates) without a relevant item


def full_catalogue(scores: Scores, truth: Truth, k: int, seed: int = 0) -> Outcome:
    """Rank every item of the catalogue for each person, hidden ones left out.

    Relevance is yes or no. AUC compares every relevant item with every other item that may be ranked.

    Args:
        scores: Of the model.
        truth: Answer sheet; its `hidden` makes this "new places" or "with repeats".
        k: Places.
        seed: Of the order of ties.
    """
    chunk = max(1, _CHUNK_CELLS // max(truth.items, 1))
    parts = [_catalogue_part(scores, truth, slice(s, s + chunk), k, seed) for s in range(0, len(truth.users), chunk)]
    names = _names(k)
    values = {name: np.concatenate([part[name] for part, _ in parts] or [np.empty(0)]) for name in names}
    width = min(k, truth.items)
    lists = np.concatenate([top for _, top in parts] or [np.empty((0, width), dtype=np.int64)])
    return Outcome("full catalogue", truth.users, values, lists, truth.left_out)


def _catalogue_part(scores: Scores, truth: Truth, rows: slice, k: int, seed: int) -> tuple[dict[str, Floats], Rows]:
    relevant = truth.relevant[rows].toarray() > 0  # B X I
    candidates = truth.hidden[rows].toarray() == 0
    candidates[:, 0] = False
    given = np.asarray(scores(truth.users[rows]))
    top = metrics.ranked(given, candidates, k, seed)
    labels = np.take_along_axis(relevant, np.maximum(top, 0), axis=1) & (top >= 0)
    count = relevant.sum(axis=1)
    ideal = np.arange(k) < np.minimum(count, k)[:, None]
    return _binary(labels.astype(np.float64), ideal.astype(np.float64), count, k) | {
        "auc": metrics.auc(given, relevant, candidates)
    }, top


@dataclass(frozen=True)
class Negatives:
    """One relevant item against uniform negatives of its own; drawn once, the same for every model.

    Notation: P (person, relevant item) pairs, N negatives at most.
    """

    pair: Rows  # row of the person in `Truth.users`, P
    item: Rows  # the relevant item, P
    negatives: Rows  # -1 where the catalogue has fewer, P X N

    @property
    def items(self) -> Rows:
        """The relevant item, then its negatives, P X 1 + N."""
        return np.concatenate([self.item[:, None], self.negatives], axis=1)


def draw_negatives(truth: Truth, seed: int, count: int = NEGATIVES) -> Negatives:
    """Draw `count` items for each relevant item, uniformly and without replacement.

    They come from the items that are neither relevant to the person nor hidden. As in the paper, each relevant item is
    ranked alone among its negatives; a person's value is the mean over their relevant items (the paper has one each).

    Source:
        He et al. (2017), Neural Collaborative Filtering, leave-one-out evaluation.
    """
    random = np.random.default_rng(seed)
    pair, item = truth.relevant.nonzero()
    taken = (truth.relevant + truth.hidden).tocsr()
    negatives = np.full((len(item), count), -1, dtype=np.int64)
    first = 0
    for person, size in enumerate(np.diff(truth.relevant.indptr)):
        free = np.ones(truth.items, dtype=bool)
        free[0] = False
        free[taken.indices[taken.indptr[person] : taken.indptr[person + 1]]] = False
        pool = np.flatnonzero(free)
        drawn = min(count, len(pool))
        for row in range(first, first + size):
            negatives[row, :drawn] = pool[random.choice(len(pool), drawn, replace=False, shuffle=False)]
        first += size
    return Negatives(pair.astype(np.int64), item.astype(np.int64), negatives)


def negative_scores(scores: Scores, truth: Truth, drawn: Negatives) -> Floats:
    """Scores of each relevant item and its negatives, P X 1 + N; of no use where there is no negative."""
    items = drawn.items
    given = np.empty(items.shape)
    chunk = max(1, _CHUNK_CELLS // max(truth.items, 1))
    for start in range(0, len(truth.users), chunk):
        low, high = np.searchsorted(drawn.pair, [start, start + chunk])
        part = np.asarray(scores(truth.users[start : start + chunk]))
        given[low:high] = part[drawn.pair[low:high, None] - start, np.maximum(items[low:high], 0)]
    return given


def uniform_negatives(scores: Scores, truth: Truth, drawn: Negatives, k: int, seed: int = 0) -> Outcome:
    """Rank each relevant item among its own negatives; the values of a person are the means over their items.

    Recall and hit rate are the same here, as one item is relevant. Ties come in a seeded order of the places.
    """
    items, given = drawn.items, negative_scores(scores, truth, drawn)
    width = items.shape[1]
    candidates = items >= 0
    relevant = np.zeros(items.shape, dtype=bool)
    relevant[:, 0] = True
    top = metrics.ranked(given, candidates, min(k, width), seed)
    labels = (top == 0).astype(np.float64)
    ones = np.ones(len(items), dtype=np.int64)
    by_pair = _binary(labels, ones[:, None].astype(np.float64), ones, k)
    by_pair["auc"] = metrics.auc(given, relevant, candidates)
    values = {name: _mean_by(drawn.pair, value, len(truth.users)) for name, value in by_pair.items()}
    lists = np.empty((len(truth.users), 0), dtype=np.int64)  # no list was shown
    return Outcome(f"{NEGATIVES} uniform negatives", truth.users, values, lists, truth.left_out)


def recall_of_items(scores: Scores, truth: Truth, flags: NDArray[np.bool_], k: int, *, among: bool) -> Outcome:
    """Recall@k of the flagged items alone: those among the first k over min(k, flagged items that are relevant).

    Many models cannot tell items that nobody knows apart, so equal scores are not drawn here: the value is the mean
    over all orders of the items that tie. People without a relevant flagged item are left out. No lists are kept.

    Args:
        scores: Of the model.
        truth: Answer sheet.
        flags: Which items are asked about, I.
        k: Places.
        among: Rank only the flagged items (are they told apart?) instead of the whole catalogue (are they found?).
    """
    relevant = truth.relevant.multiply(flags[None, :].astype(np.int8)).tocsr()
    relevant.eliminate_zeros()
    asked = np.flatnonzero(np.diff(relevant.indptr))
    values = [np.empty(0)]
    chunk = max(1, _CHUNK_CELLS // max(truth.items, 1))
    for start in range(0, len(asked), chunk):
        rows = asked[start : start + chunk]
        candidates = truth.hidden[rows].toarray() == 0
        candidates[:, 0] = False
        if among:
            candidates &= flags
        given = np.where(candidates, np.asarray(scores(truth.users[rows])), -np.inf)
        values.append(_mean_recall(given, relevant[rows].toarray() > 0, k))
    lists = np.empty((len(asked), 0), dtype=np.int64)
    found = {f"recall@{k}": np.concatenate(values)}
    return Outcome("full catalogue", truth.users[asked], found, lists, len(truth.users) - len(asked))


def _mean_recall(scores: NDArray[np.floating], relevant: NDArray[np.bool_], k: int) -> Floats:
    """Recall@k as the mean over all orders of equal scores; -inf is never ranked, B X I gives B."""
    width = min(k, scores.shape[1])
    last = -np.partition(-scores, width - 1, axis=1)[:, width - 1 : width]  # the score of the last place, B X 1
    above, equal = scores > last, (scores == last) & (scores > -np.inf)
    room = width - above.sum(axis=1)
    share = np.divide(room, equal.sum(axis=1), out=np.zeros(len(scores)), where=equal.any(axis=1))
    hits = (relevant & above).sum(axis=1) + (relevant & equal).sum(axis=1) * share
    found: Floats = hits / np.minimum(relevant.sum(axis=1), k)
    return found


def recall_by_group(found: Outcome, truth: Truth, groups: Rows, group: int, k: int) -> Outcome:
    """Recall@k of the items of one group, from lists over the full catalogue.

    Args:
        found: What `full_catalogue` gave for this answer sheet.
        truth: Answer sheet.
        groups: Group of each item, I.
        group: The one that is asked about.
        k: Places.
    """
    relevant = truth.relevant.multiply((groups == group)[None, :].astype(np.int8)).tocsr()
    relevant.eliminate_zeros()
    asked = np.flatnonzero(np.diff(relevant.indptr))
    lists = found.lists[asked]
    answers = [set(relevant.indices[relevant.indptr[row] : relevant.indptr[row + 1]].tolist()) for row in asked]
    labels = np.array([[item in mine for item in row] for mine, row in zip(answers, lists.tolist(), strict=True)])
    count = np.diff(relevant.indptr)[asked]
    value = metrics.recall(labels.astype(np.float64).reshape(lists.shape), count, k)
    return Outcome(found.protocol, truth.users[asked], {f"recall@{k}": value}, lists, len(truth.users) - len(asked))


@dataclass(frozen=True)
class Slates:
    """Logged slates with what came of each impression.

    Notation: E impressions, S slates.
    """

    slate: Rows  # 0 to S - 1, E
    person: Rows  # row of the person, E
    item: Rows  # row of the item, E
    position: Rows  # 0-based, E
    label: Rows  # 0 to 5, E


def impression_lists(scores: NDArray[np.floating], slates: Slates, k: int, seed: int = 0) -> Outcome:
    """Order each logged slate anew by the scores of its impressions.

    NDCG is graded (labels 0 to 5). Hit rate, recall, reciprocal rank and AUC need a yes or no: a label of 2 (a click)
    or more. Slates without any label above 0 are left out; those without a click have an NDCG only.

    Args:
        scores: Of each impression, E; minus the position gives the logged order.
        slates: What was shown and what came of it.
        k: Places.
        seed: Of the order of ties, so that a model that ties does not inherit the logged order.
    """
    size = np.bincount(slates.slate)
    start = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
    order = np.argsort(slates.slate, kind="stable")
    place = np.arange(len(order)) - start[slates.slate[order]]
    shape = (len(size), int(size.max(initial=0)))
    index = (slates.slate[order], place)

    def spread(values: NDArray[np.generic], fill: float) -> Floats:
        table = np.full(shape, fill)
        table[index] = values[order]
        return table

    label = spread(slates.label, 0.0)
    kept = (label > 0).any(axis=1)
    label, given = label[kept], spread(scores, -np.inf)[kept]
    item, candidates = spread(slates.item, -1)[kept].astype(np.int64), (spread(slates.slate, -1) >= 0)[kept]
    top = metrics.ranked(given, candidates, k, seed)
    shown = np.take_along_axis(label, np.maximum(top, 0), axis=1) * (top >= 0)
    clicked = label >= CLICK_LABEL
    values = _binary((shown >= CLICK_LABEL).astype(np.float64), clicked.astype(np.float64), clicked.sum(axis=1), k)
    values[f"ndcg@{k}"] = metrics.ndcg(shown, label, k)
    values["auc"] = metrics.auc(given, clicked, candidates)
    lists = np.where(top >= 0, np.take_along_axis(item, np.maximum(top, 0), axis=1), -1)
    person = slates.person[order][start][kept] if len(order) else slates.person
    return Outcome("impression lists", person, values, lists, int((~kept).sum()))


def _binary(labels: Floats, ideal: Floats, count: NDArray[np.int64], k: int) -> dict[str, Floats]:
    return {
        f"ndcg@{k}": metrics.ndcg(labels, ideal, k),
        f"recall@{k}": metrics.recall(labels, count, k),
        f"hit_rate@{k}": metrics.hit_rate(labels, count, k),
        f"mrr@{k}": metrics.reciprocal_rank(labels, count, k),
    }


def _names(k: int) -> tuple[str, ...]:
    return (f"ndcg@{k}", f"recall@{k}", f"hit_rate@{k}", f"mrr@{k}", "auc")


def _mean_by(person: Rows, values: Floats, people: int) -> Floats:
    """Mean of the values that are not NaN of each person; NaN where there is none."""
    known = ~np.isnan(values)
    count = np.bincount(person[known], minlength=people)
    total = np.bincount(person[known], weights=values[known], minlength=people)
    mean: Floats = np.divide(total, count, out=np.full(people, np.nan), where=count > 0)
    return mean
