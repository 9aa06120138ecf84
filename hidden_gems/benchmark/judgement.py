"""What one model did at one cut-off: a value for each person under each protocol, in memory or on disk."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hidden_gems.benchmark.contender import Contender
from hidden_gems.benchmark.members import Curve, Member
from hidden_gems.benchmark.sheet import NEW_BELOW, Setting, Sheet
from hidden_gems.datasets.interactions import Rows
from hidden_gems.evaluation import beyond_accuracy as beyond
from hidden_gems.evaluation.calibration import Bins, LogisticMap
from hidden_gems.evaluation.protocols import (
    Outcome,
    draw_negatives,
    full_catalogue,
    impression_lists,
    negative_scores,
    recall_by_group,
    recall_of_items,
    uniform_negatives,
)
from hidden_gems.evaluation.truth import Truth

LOGGED, ORACLE = "logged order", "oracle"
SLATES = "impression lists"
AMONG = "new items among themselves"
ITEMS_UNDER, ITEMS_UNKNOWN = f"items with < {NEW_BELOW} interactions", "items with 0 interactions"
IN_GROUP = "items in "
RECALL_AT = 20  # places for new items
_TABLE_CELLS = 50_000_000  # scores of one model that are kept between protocols
_LEAST_CALIBRATED = 20  # pairs; a curve through fewer is chance


@dataclass
class Judgement:
    """Values of one model at one cut-off."""

    model: str
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)  # (protocol, cohort of items or "")
    whole: dict[tuple[str, str], float] = field(default_factory=dict)  # (protocol, metric): of all lists together
    bins: Bins | None = None  # of the calibration
    held_out: float = float("nan")  # what the model was worth on what was held out before the cut-off
    seconds: float = 0.0  # to fit and to judge
    peak_mb: float = 0.0  # of the process that fitted it
    curves: tuple[Curve, ...] = ()
    adds: dict[str, float] = field(default_factory=dict)  # of a blend: held-out value lost without each member
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write to `path`.npz and, last, to `path`.json; the lists themselves are not kept."""
        arrays: dict[str, NDArray[Any]] = {}
        outcomes = []
        for number, ((protocol, cohort), found) in enumerate(self.outcomes.items()):
            outcomes.append([protocol, cohort, found.protocol, found.left_out, list(found.values)])
            arrays[f"{number}/people"] = found.people
            arrays |= {f"{number}/{place}": values for place, values in enumerate(found.values.values())}
        if self.bins is not None:
            arrays |= {"bins/people": self.bins.people, "bins/sums": self.bins.sums}
        names = ("model", "held_out", "seconds", "peak_mb", "adds", "notes")
        about = {name: getattr(self, name) for name in names} | {
            "outcomes": outcomes,
            "whole": [[*key, value] for key, value in self.whole.items()],
            "curves": [asdict(curve) for curve in self.curves],
        }
        np.savez(path.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(about))
        draft.replace(path.with_suffix(".json"))

    @classmethod
    def load(cls, path: Path) -> "Judgement":
        """Read what `save` wrote."""
        about = json.loads(path.with_suffix(".json").read_text())
        found = cls(about["model"], held_out=about["held_out"], seconds=about["seconds"], peak_mb=about["peak_mb"])
        found.adds, found.notes = about["adds"], tuple(about["notes"])
        found.curves = tuple(Curve.of(values) for values in about["curves"])
        found.whole = {(protocol, metric): value for protocol, metric, value in about["whole"]}
        with np.load(path.with_suffix(".npz")) as file:
            for number, (protocol, cohort, family, left_out, metrics) in enumerate(about["outcomes"]):
                people = file[f"{number}/people"]
                values = {metric: file[f"{number}/{place}"] for place, metric in enumerate(metrics)}
                lists = np.empty((len(people), 0), dtype=np.int64)
                found.outcomes[protocol, cohort] = Outcome(family, people, values, lists, left_out)
            if "bins/people" in file:
                found.bins = Bins(file["bins/people"], file["bins/sums"])
        return found


def judge(name: str, contender: Contender, sheet: Sheet, k: int, seed: int, member: Member | None = None) -> Judgement:
    """Judge a model by an answer sheet.

    Args:
        name: Of the model.
        contender: It, fitted before the cut-off.
        sheet: Of the cut-off.
        k: Places.
        seed: Of the order of ties and of drawn negatives.
        member: How it scored what was held out; without, there is no calibration.
    """
    found = Judgement(name)
    for setting in sheet.settings:
        scores = _Table(contender, setting)
        _judge_catalogue(found, scores, setting, sheet, k, seed)
        protocol = f"100 uniform negatives, {setting.name}"
        found.outcomes[protocol, ""] = uniform_negatives(scores, setting.truth, setting.negatives, k, seed)
        if member is not None and not setting.repeat:
            found.bins = _calibrate(member, scores, setting, seed)
    if sheet.slates is not None:
        found.outcomes[SLATES, ""] = impression_lists(contender.pairs(sheet.marks), sheet.slates, k, seed)
    if member is not None:
        found.held_out, found.seconds, found.peak_mb = member.value, member.seconds, member.peak_mb
        found.curves = member.curves
    return found


def judge_logged(sheet: Sheet, k: int, seed: int) -> Judgement:
    """The order in which slates were shown."""
    assert sheet.slates is not None
    shown = impression_lists(-sheet.slates.position.astype(np.float64), sheet.slates, k, seed)
    return Judgement(LOGGED, {(SLATES, ""): shown})


def _judge_catalogue(
    found: Judgement, scores: Callable[[Rows], NDArray[np.float32]], setting: Setting, sheet: Sheet, k: int, seed: int
) -> None:
    truth, protocol = setting.truth, f"full catalogue, {setting.name}"
    catalogue = full_catalogue(scores, truth, k, seed)
    catalogue.values[f"next_item@{k}"] = (catalogue.lists == setting.next_item[:, None]).any(axis=1).astype(np.float64)
    more, whole = _beyond(sheet, catalogue.lists, k)
    catalogue.values.update(more)
    found.outcomes[protocol, ""] = catalogue
    found.whole |= {(protocol, metric): value for metric, value in whole.items()}
    if setting.repeat:
        return
    for cohort, below in ((ITEMS_UNDER, NEW_BELOW), (ITEMS_UNKNOWN, 1)):
        flags = sheet.new_items(below)
        for among, where in ((False, protocol), (True, AMONG)):
            found.outcomes[where, cohort] = recall_of_items(scores, truth, flags, RECALL_AT, among=among)
    for group, name in enumerate(sheet.group_names):
        found.outcomes[protocol, IN_GROUP + name] = recall_by_group(catalogue, truth, sheet.groups, group, k)


def _beyond(sheet: Sheet, lists: Rows, k: int) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """Values of each list, and figures of all lists together, which have no interval over people."""
    values = {
        f"novelty@{k}": beyond.novelty(lists, sheet.known, len(sheet.events) - 1),
        f"tail_share@{k}": beyond.share_in(lists, sheet.tail),
        f"rare_share@{k}": beyond.share_in(lists, sheet.rare),
        f"diversity@{k}": beyond.intra_list_diversity(lists, sheet.types),
        f"popularity_lift@{k}": beyond.popularity_lift(lists, sheet.counts),
    }
    exposure = np.bincount(lists[lists >= 0], minlength=len(sheet.counts))[1:]
    items = len(sheet.counts) - 1
    return values, {f"coverage@{k}": beyond.coverage(lists, items), f"gini@{k}": beyond.gini(exposure)}


def _calibrate(
    member: Member, scores: Callable[[Rows], NDArray[np.float32]], setting: Setting, seed: int
) -> Bins | None:
    """Bins of the test under the curve of what was held out; None where too little was."""
    held = member.held_out
    if held is None or member.held_out_scores is None or held.new.nnz < _LEAST_CALIBRATED:
        return None
    before = Truth(held.user, sparse.csr_array(held.new), sparse.csr_array(held.seen), 0)
    drawn = draw_negatives(before, seed)
    table = member.held_out_scores
    given = negative_scores(lambda users: table[np.searchsorted(held.user, users)], before, drawn)
    there = drawn.items >= 0
    yes = np.zeros(there.shape, dtype=bool)
    yes[:, 0] = True
    curve = LogisticMap.fit(given[there], yes[there])
    probability = curve(negative_scores(scores, setting.truth, setting.negatives))
    probability[setting.negatives.items < 0] = np.nan
    return Bins.of(probability, setting.negatives.pair, setting.truth.users)


class _Table:
    """Scores of the people of one setting, made once where they fit into memory."""

    def __init__(self, contender: Contender, setting: Setting) -> None:
        self._contender, self._repeat = contender, setting.repeat
        self._users = setting.truth.users
        fits = len(self._users) * setting.truth.items <= _TABLE_CELLS
        self._whole = contender.catalogue(self._users, setting.repeat) if fits else None

    def __call__(self, users: Rows) -> NDArray[np.float32]:
        if self._whole is None:
            return self._contender.catalogue(users, self._repeat)
        return self._whole[np.searchsorted(self._users, users)]
