"""What models that move earn over the release alone, out of an archive: rates a slate, and lifts with intervals.

Notation: N slates, U people, V variants, R resamples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from hidden_gems.core.assignment import VARIANTS
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.assemble import rewards
from hidden_gems.datasets.history import read_columns
from hidden_gems.evaluation.intervals import RESAMPLES, Interval, interval_of, resample_weights
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.events.kinds import KINDS, EventType, label_of

RATES: Mapping[str, tuple[str, str]] = {
    "ctr": ("clicked", "places"),
    "reward_per_slate": ("reward", "slates"),
    "feedback_share": ("answered", "slates"),
}
"""Each rate is a sum over a sum: places answered by a click or better, rewards, slates with any feedback."""
_SUMS = ("slates", "places", "clicked", "reward", "answered")
_LONGEST_WINDOW = max(kind.window_seconds for kind in KINDS.values())


@dataclass(frozen=True)
class Lift:
    """Both variants side by side."""

    slates: Mapping[str, int]  # by variant, where it has some
    people: Mapping[str, int]
    rates: Mapping[str, Mapping[str, Interval]]  # by variant, then by name of `RATES`
    lifts: Mapping[str, Interval]  # online over static, minus 1, by name; none where a variant has no slate
    days: tuple[Mapping[str, str | float], ...]  # of each day (UTC) and variant


def read_slates(folder: Path, since: float, until: float) -> pd.DataFrame:
    """Slates of an archive that are part of the comparison, with what was answered to them, N rows.

    Only signed feedback counts, once an impression and type, and within its type's window after the slate. The last
    slates have had less time for it than others, alike in both variants.

    Args:
        folder: Of the archive.
        since: Epoch seconds of the first slate.
        until: Epoch seconds after the last slate.

    Returns:
        Columns user_id, variant, day (UTC) and the sums of `RATES`.
    """
    columns = ["slate_id", "position", "timestamp", "user_id", "variant", "issued"]
    shown = read_columns(folder, "impressions", columns, since, until)
    shown = shown[(shown["user_id"] != "") & shown["variant"].isin(VARIANTS)]
    slates = shown.groupby("slate_id", sort=False).agg(
        user_id=("user_id", "first"),
        variant=("variant", "first"),
        at=("timestamp", "first"),
        issued=("issued", "first"),
        places=("position", "size"),
    )
    slates["at"] = slates.pop("issued").fillna(slates["at"])  # a caller may ask for another moment than now
    told = _told(folder, slates, since, until)
    by_slate = told.groupby("slate_id")
    clicked = told[told["label"] >= label_of("click")].groupby("slate_id")["item_id"].nunique()
    found = slates.assign(
        slates=1,
        clicked=clicked.reindex(slates.index, fill_value=0),
        reward=by_slate["reward"].sum().reindex(slates.index, fill_value=0.0),
        answered=by_slate.size().reindex(slates.index, fill_value=0).clip(upper=1),
        day=[datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in slates["at"]],
    )
    return found.drop(columns="at").reset_index(drop=True)


def lift_of(slates: pd.DataFrame, seed: int = 0, resamples: int = RESAMPLES) -> Lift:
    """Rates and lifts with intervals by resampling people, each with all their slates of both variants.

    Args:
        slates: As `read_slates` gives them.
        seed: Of the resamples.
        resamples: R.

    Source:
        Efron (1979), percentile bootstrap; people are the clusters, for they were assigned, and not slates.
    """
    here = [variant for variant in VARIANTS if (slates["variant"] == variant).any()]
    person, names = pd.factorize(slates["user_id"])
    sums = np.zeros((len(names), len(here), len(_SUMS)))  # U X V X sums
    for v, variant in enumerate(here):
        own = (slates["variant"] == variant).to_numpy()
        np.add.at(sums[:, v], person[own], slates.loc[own, list(_SUMS)].to_numpy(np.float64))
    drawn = _drawn(sums, seed, resamples)
    whole = _rates(sums.sum(axis=0, keepdims=True))[0]
    people = {variant: int((sums[:, v, 0] > 0).sum()) for v, variant in enumerate(here)}
    rates = {
        variant: {
            name: interval_of(float(whole[v, n]), drawn[:, v, n], people[variant]) for n, name in enumerate(RATES)
        }
        for v, variant in enumerate(here)
    }
    lifts = {}
    if len(here) == len(VARIANTS):
        with np.errstate(divide="ignore", invalid="ignore"):
            once, each = whole[0] / whole[1] - 1.0, drawn[:, 0] / drawn[:, 1] - 1.0
        lifts = {name: interval_of(float(once[n]), each[:, n], sum(people.values())) for n, name in enumerate(RATES)}
    days = tuple(_days(slates))
    return Lift({variant: int(sums[:, v, 0].sum()) for v, variant in enumerate(here)}, people, rates, lifts, days)


def _told(folder: Path, slates: pd.DataFrame, since: float, until: float) -> pd.DataFrame:
    """Feedback that counts, with reward and label."""
    columns = ["event_id", "slate_id", "item_id", "event_type", "value", "timestamp", "received", "signed"]
    told = read_columns(folder, "interactions", columns, since - DAY_SECONDS, until + _LONGEST_WINDOW)
    kinds = {name: kind for name, kind in KINDS.items() if kind.feedback}
    told = told[told["signed"].eq(True) & told["event_type"].isin(list(kinds)) & told["slate_id"].isin(slates.index)]
    late = told["timestamp"] - slates["at"].reindex(told["slate_id"]).to_numpy()
    windows = told["event_type"].map({name: kind.window_seconds for name, kind in kinds.items()})
    told = told[late <= windows].drop_duplicates(["slate_id", "item_id", "event_type"], ignore_index=True)
    pairs = zip(told["event_type"], told["value"], strict=True)
    label = [label_of(cast(EventType, kind), None if np.isnan(value) else float(value)) for kind, value in pairs]
    return told.assign(reward=rewards(told["event_type"], told["value"]), label=np.array(label, dtype=np.int64))


def _drawn(sums: Floats, seed: int, resamples: int) -> Floats:
    """Rates of every resample of people, R X V X rates."""
    flat = sums.reshape(len(sums), -1)
    drawn = [weights @ flat for weights in resample_weights(len(sums), seed, resamples)]
    return _rates(np.concatenate(drawn).reshape(resamples, *sums.shape[1:]))


def _rates(sums: Floats) -> Floats:
    """Rates out of the sums on the last axis; NaN where there is nothing to divide by."""
    above = sums[..., [_SUMS.index(name) for name, _ in RATES.values()]]
    below = sums[..., [_SUMS.index(name) for _, name in RATES.values()]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below, dtype=np.float64)


def _days(slates: pd.DataFrame) -> list[dict[str, str | float]]:
    table = slates.groupby(["day", "variant"], as_index=False)[list(_SUMS)].sum()
    rates = _rates(table[list(_SUMS)].to_numpy(np.float64))
    return [
        {"day": day, "variant": variant, "slates": int(count), **dict(zip(RATES, map(float, row), strict=True))}
        for day, variant, count, row in zip(table["day"], table["variant"], table["slates"], rates, strict=True)
    ]
