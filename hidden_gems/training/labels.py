"""What came of an impression: the label 0 to 5 that feedback within its window earns."""

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.events.kinds import KINDS, MAX_LABEL, label_of
from hidden_gems.features.engines import EngineConfig, Table, engine_of
from hidden_gems.features.event_rows import Codes, slate_rows

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
    config: EngineConfig | None = None,
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
        config: Which engine joins, and what it may use; DuckDB as it comes if there is none.

    Returns:
        In the order of `impressions`.
    """
    users, items = Codes(impressions["user_id"]), Codes(impressions["item_id"])
    answers = _keys(interactions, users, items).assign(**answer_columns(interactions, longest_window))
    shown = _keys(impressions, users, items).assign(impression=np.arange(len(impressions), dtype=np.int64))
    with engine_of(config) as engine:
        tables = engine.load("shown", shown), engine.load("answers", answers[answers["label"] > 0])
        found = engine.frame(labelled(*tables, end, longest_window).select("impression", "label", "final"))
    found = found.sort_values("impression")
    return ImpressionLabels(found["label"].to_numpy(np.int64), found["final"].to_numpy(bool))


def labelled(shown: Table, answers: Table, end: int, longest_window: int) -> Table:
    """Join impressions with what was answered to them; see `impression_labels`.

    Args:
        shown: user, item, slate, sec and `impression`, a number that grows with the order of the impressions.
        answers: user, item, slate (0 where none was quoted), sec, label and window (seconds).
        end: First second that is not known yet.
        longest_window: No window is longer than this many seconds.

    Returns:
        `shown` with label and final.
    """
    free = answers.filter(answers.slate == 0)
    quoted = answers.filter(answers.slate > 0).select("user", "item", "slate", "label", "window", at="sec")
    hits = quoted.join(shown.select("user", "item", "slate", "sec", "impression"), ["user", "item", "slate"])
    hits = hits.select("impression", "label", "window", "sec", "at").union(_last_shown(free, shown))
    known = hits.filter(hits["at"] < end, hits["at"] >= hits["sec"], hits["at"] - hits["sec"] <= hits["window"])
    best = known.group_by("impression").agg(best=known.label.max()).rename(found="impression")
    joined = shown.left_join(best, [("impression", "found")])
    joined = joined.select(*shown.columns, label=joined.best.fill_null(0).cast("int64"))
    return joined.mutate(final=(joined.sec + longest_window < end) | (joined.label == MAX_LABEL))


def _last_shown(answers: Table, shown: Table) -> Table:
    """Each answer with the last impression of the same item to the same person at or before it.

    The number of impressions up to the answer says which of them it is.
    """
    in_order = ibis.window(group_by=["user", "item"], order_by=["sec", "impression"])
    numbered = shown.select(
        "user", "item", "impression", "sec", number=(ibis.row_number().over(in_order) + 1).cast("int64")
    )
    asked = answers.select("user", "item", "sec").distinct().mutate(step=ibis.literal(0, "int64"))
    steps = asked.union(shown.select("user", "item", "sec", step=ibis.literal(1, "int64")))
    running = ibis.window(group_by=["user", "item"], order_by=["sec", steps.step.desc()], preceding=None, following=0)
    counted = steps.mutate(number=steps.step.sum().over(running).cast("int64")).filter(ibis._.step == 0)
    counted = counted.select("user", "item", "number", at="sec").join(numbered, ["user", "item", "number"])
    told = answers.select("user", "item", "label", "window", at="sec")
    return told.join(counted, ["user", "item", "at"]).select("impression", "label", "window", "sec", "at")


def answer_columns(interactions: pd.DataFrame, longest_window: int) -> dict[str, Labels]:
    """Label that each interaction earns, 0 for none, and the seconds in which it must come, size B each."""
    windows = {name: min(kind.window_seconds, longest_window) for name, kind in KINDS.items()}
    return {
        "label": interaction_labels(interactions),
        "window": interactions["event_type"].map(windows).to_numpy(np.int64),
    }


def _keys(events: pd.DataFrame, users: Codes, items: Codes) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": users.rows(events["user_id"]),
            "item": items.rows(events["item_id"]),
            "slate": slate_rows(events["slate_id"]),
            "sec": events["timestamp"].to_numpy(np.int64),
        }
    )


def interaction_labels(interactions: pd.DataFrame) -> Labels:
    """Label that each interaction earns by its type and value, 0 to 5."""
    label = interactions["event_type"].map({name: kind.label for name, kind in KINDS.items()}).to_numpy(np.int64).copy()
    valued = np.flatnonzero(interactions["event_type"].isin(["rating", "dwell"]) & interactions["value"].notna())
    part = interactions.iloc[valued]
    label[valued] = [
        label_of(kind, float(value)) for kind, value in zip(part["event_type"], part["value"], strict=True)
    ]
    return np.asarray(label, dtype=np.int64)
