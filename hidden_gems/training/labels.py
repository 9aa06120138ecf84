"""What came of an impression: the label 0 to 5 that feedback within its window earns."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.events.kinds import KINDS, MAX_LABEL, label_of

LONGEST_WINDOW_SECONDS = max(kind.window_seconds for kind in KINDS.values())

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ImpressionLabels:
    """Labels of E impressions.

    A label is final when its longest window is over, or when it is the highest there is: then nothing that may still
    come can change it. Until then a silence is not a negative.
    """

    label: Labels  # 0 to 5, E
    final: NDArray[np.bool_]  # E


def impression_labels(
    impressions: pd.DataFrame,
    interactions: pd.DataFrame,
    end: int,
    longest_window: int = LONGEST_WINDOW_SECONDS,
) -> ImpressionLabels:
    """Join impressions with what was answered to them.

    An interaction that quotes a slate belongs to that slate's impression of the item; one that quotes none belongs to
    the last impression of the item to the person before it. It counts when it came at or after the impression, within
    the window of its type (its last second included) and before `end`. An impression keeps its highest label.

    Args:
        impressions: slate_id, user_id, item_id, timestamp; E rows.
        interactions: user_id, item_id, timestamp, event_type, value, slate_id.
        end: First second that is not known yet.
        longest_window: No window is longer than this many seconds. A smaller one than that of a visit lets short
            histories have final labels; it holds for all impressions alike.

    Returns:
        In the order of `impressions`.
    """
    shown = impressions[["slate_id", "user_id", "item_id", "timestamp"]].reset_index(drop=True)
    shown = shown.rename_axis("impression").reset_index()
    answers = _answers(interactions[interactions["timestamp"] < end], longest_window)
    quotes = answers["slate_id"].notna()
    joined = pd.concat(
        [
            answers[quotes].merge(shown, on=["slate_id", "user_id", "item_id"], suffixes=("", "_shown")),
            _last_shown(answers[~quotes], shown),
        ]
    )
    delay = joined["timestamp"] - joined["timestamp_shown"]
    joined = joined[(delay >= 0) & (delay <= joined["window"])]
    label = np.zeros(len(shown), dtype=np.int64)
    np.maximum.at(label, joined["impression"].to_numpy(np.int64), joined["label"].to_numpy(np.int64))
    over = shown["timestamp"].to_numpy(np.int64) + longest_window < end
    return ImpressionLabels(label, over | (label == MAX_LABEL))


def _answers(interactions: pd.DataFrame, longest_window: int) -> pd.DataFrame:
    """Interactions that earn a label, with the label and its window in seconds."""
    table = interactions[["slate_id", "user_id", "item_id", "timestamp"]].copy()
    table["label"] = interaction_labels(interactions)
    windows = {name: min(kind.window_seconds, longest_window) for name, kind in KINDS.items()}
    table["window"] = interactions["event_type"].map(windows).to_numpy()
    return table[table["label"] > 0]


def interaction_labels(interactions: pd.DataFrame) -> Labels:
    """Label that each interaction earns by its type and value, 0 to 5."""
    label = interactions["event_type"].map({name: kind.label for name, kind in KINDS.items()}).to_numpy(np.int64).copy()
    valued = np.flatnonzero(interactions["event_type"].isin(["rating", "dwell"]) & interactions["value"].notna())
    part = interactions.iloc[valued]
    label[valued] = [
        label_of(kind, float(value)) for kind, value in zip(part["event_type"], part["value"], strict=True)
    ]
    return np.asarray(label, dtype=np.int64)


def _last_shown(answers: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Each answer with the last impression of the same item to the same person at or before it."""
    before = shown.drop(columns="slate_id").rename(columns={"timestamp": "timestamp_shown"})
    joined = pd.merge_asof(
        answers.sort_values("timestamp", kind="stable").astype({"timestamp": "int64"}),
        before.sort_values("timestamp_shown", kind="stable").astype({"timestamp_shown": "int64"}),
        left_on="timestamp",
        right_on="timestamp_shown",
        by=["user_id", "item_id"],
    )
    return joined.dropna(subset="impression")
