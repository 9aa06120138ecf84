"""What answers give away about others: whether a gem was among the places of somebody whom the models learned from.

The attacker knows some of a person's places and asks as somebody new, with those as the session, or for gems like them.
A gem that scores higher was more likely learned from that person: the AUC of that guess is measured within each person,
places learned from against places they went to later. At 0.5 an answer says nothing.

`python -m tests.membership --people 600` attacks `similar` in a simulated city, with the limit of people a pair of gems
must rest on and without it (ADR-0063). `tests/proofs/test_membership.py` attacks a whole release.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.split import split_by_time
from hidden_gems.datasets.validation import check_folder
from hidden_gems.evaluation.intervals import mean_interval
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.related import LEAST_PEOPLE, similarity
from hidden_gems.simulation.write import simulate
from hidden_gems.steps.packing import release_tables

KNOWN, TRIED = 4, 4
"""Places of a person that the attacker knows, and those the guess is tried on."""
Rows = NDArray[np.int64]


def attacked(shelf: Shelf, seed: int) -> list[tuple[Rows, Rows, Rows]]:
    """Of each person with enough places: those known, those learned from, those of later; rows of items."""
    before, everything = shelf.log(shelf.split.test_from), shelf.everything
    random, found = np.random.default_rng(seed), []
    for person in np.unique(before.user):
        learned = random.permutation(np.unique(before.item[before.user == person]))
        later = np.setdiff1d(everything.item[everything.user == person], learned)
        if len(learned) > KNOWN and len(later):
            found.append((learned[:KNOWN], learned[KNOWN : KNOWN + TRIED], later[:TRIED]))
    return found


def auc(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Share of pairs in which a member scores higher; ties count half.

    Examples:
        >>> auc(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
        0.875
    """
    wins, ties = members[:, None] > others[None, :], members[:, None] == others[None, :]
    return float(np.mean(wins + 0.5 * ties))


def alike(items: LiveItems, known: Rows) -> NDArray[np.float64]:
    """How like one of the known gems every gem is, by what `similar` goes by, I."""
    return np.asarray(np.max([similarity(items, int(row)) for row in known], axis=0), dtype=np.float64)


def summary(name: str, values: list[float]) -> str:
    """One line: the mean over people, with its interval."""
    found = mean_interval(np.array(values))
    return f"{name}: AUC {found.value:.3f}, 95 % interval {found.low:.3f} to {found.high:.3f}, {len(values)} people"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "city", told.people, told.days, told.seed)
        dataset = check_folder(Path(folder) / "city", pseudonyms=Pseudonyms(b"test")).dataset
    shelf = Shelf(dataset, split_by_time(dataset), told.seed)
    tables, cases = release_tables(shelf, {}), attacked(shelf, told.seed)
    assert tables.together is not None
    print(f"simulated: {told.people} people, {told.days} days, seed {told.seed}")
    by_prior = [auc(tables.prior[tried], tables.prior[later]) for _, tried, later in cases]
    print(summary("popularity alone", by_prior), flush=True)
    every = np.full_like(tables.together, LEAST_PEOPLE)
    for name, together in (("every pair", every), (f"pairs of {LEAST_PEOPLE} people", tables.together)):
        items = LiveItems.of(replace(tables, together=together), {})
        scores = [(alike(items, known), tried, later) for known, tried, later in cases]
        print(summary(f"similar, {name}", [auc(s[tried], s[later]) for s, tried, later in scores]), flush=True)


if __name__ == "__main__":
    main()
