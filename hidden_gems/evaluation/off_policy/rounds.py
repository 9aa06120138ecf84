"""A log and a target policy out of two tables; what cannot be estimated from is refused in one sentence.

Notation: N places (rows of the log), E entries (what the target may show at a place, probability above 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hidden_gems.core.errors import BadInputError
from hidden_gems.evaluation.metrics import Floats, Rows

SUFFIXES = (".parquet", ".csv", ".csv.gz")
TOLERANCE = 1e-3
"""How far from 1 the target's probabilities of a place may add up to; files hold rounded ones."""
_LOG, _TARGET = ("round_id", "item_id", "reward", "propensity"), ("round_id", "item_id", "probability")
_NO_CONTEXT = (*_LOG, "position", "user_id")
_SHOWN = 5


@dataclass(frozen=True)
class Rounds:
    """What was shown and earned, and what the target would show, sorted by round and position."""

    item: Rows  # number of the item that was shown, N
    position: Rows  # N
    reward: Floats  # N
    propensity: Floats  # N
    cluster: Rows  # number of the person, or of the round where the log has no user_id, N
    clustered_by: str
    rounds: int
    context: pd.DataFrame  # what else the log says, N rows
    place: Rows  # row of the log of each entry, rising, E
    candidate: Rows  # number of the item, E
    chance: Floats  # the target's probability of it there, E
    notes: tuple[str, ...]  # what was not used

    @property
    def probability(self) -> Floats:
        """The target's probability of the item that was shown, N."""
        found = np.zeros(len(self.item))
        same = self.candidate == self.item[self.place]
        found[self.place[same]] = self.chance[same]
        return found


def read_rounds(log: Path, target: Path) -> Rounds:
    """Two files as `rounds_of` takes them.

    Raises:
        BadInputError: If a file is not there, is neither Parquet nor CSV, or `rounds_of` refuses it.
    """
    return rounds_of(_read(log), _read(target))


def rounds_of(log: pd.DataFrame, target: pd.DataFrame) -> Rounds:
    """Check two tables and bring them together.

    Args:
        log: A row for each place: round_id, item_id, reward, propensity; position where a round has several, user_id
            where people come back. Every other column is context: known before the choice, the same whichever item
            would have been shown.
        target: round_id, item_id, probability, for every item that the target may show in a round; with position where
            it depends on it.

    Raises:
        BadInputError: If a column is missing, a number is none or out of range, a row is there twice, the probabilities
            of a place do not add up to 1, or one table has rounds that the other one lacks.
    """
    log, target = _typed(log, "log", _LOG), _typed(target, "target", _TARGET)
    if "position" not in log:
        log = log.assign(position=0)
    _check_range(log, "log", "propensity", above=0.0)
    _check_range(target, "target", "probability", least=0.0)
    _check_once(log, "log", ["round_id", "position"])
    at = ["round_id", "position"] if "position" in target else ["round_id"]
    _check_once(target, "target", [*at, "item_id"])
    _check_same_places(log, target, at)
    log = log.sort_values(["round_id", "position"], ignore_index=True)
    wanted = target.loc[target["probability"] > 0, [*at, "item_id", "probability"]]
    entries = wanted.merge(log[at].assign(place=log.index), on=at)
    items = pd.Index(sorted({*log["item_id"].unique(), *entries["item_id"].unique()}))
    entries = entries.assign(candidate=items.get_indexer(entries["item_id"])).sort_values(["place", "candidate"])
    by = "user_id" if "user_id" in log else "round_id"
    unused = [name for name in target if name not in (*_TARGET, "position")]
    return Rounds(
        item=items.get_indexer(log["item_id"]).astype(np.int64),
        position=log["position"].to_numpy(np.int64),
        reward=log["reward"].to_numpy(np.float64),
        propensity=log["propensity"].to_numpy(np.float64),
        cluster=pd.factorize(log[by], sort=True)[0].astype(np.int64),
        clustered_by=by,
        rounds=int(log["round_id"].nunique()),
        context=log.drop(columns=[name for name in _NO_CONTEXT if name in log]),
        place=entries["place"].to_numpy(np.int64),
        candidate=entries["candidate"].to_numpy(np.int64),
        chance=entries["probability"].to_numpy(np.float64),
        notes=(f"columns of the target that are not used: {', '.join(unused)}",) if unused else (),
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.name.endswith(SUFFIXES):
        raise BadInputError(f"{path} must end with {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise BadInputError(f"{path} is not there, or no file")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except (ValueError, OSError, EOFError) as error:  # also what pyarrow and the parser of CSV raise
        raise BadInputError(f"{path} cannot be read: {error}") from error


def _typed(table: pd.DataFrame, name: str, required: Sequence[str]) -> pd.DataFrame:
    """Ids as text, the contract's numbers as numbers; every row must have them."""
    if missing := [column for column in required if column not in table]:
        found = ", ".join(map(str, table.columns[:20])) or "no columns"
        raise BadInputError(f"the {name} has no column {', '.join(missing)}; found {found}")
    if not len(table):
        raise BadInputError(f"the {name} has no row")
    known: dict[str, Any] = {}
    for column in (*required, "position", "user_id"):
        if column not in table:
            continue
        values = table[column]
        if not column.endswith("_id"):
            values = pd.to_numeric(values, errors="coerce").astype(np.float64).replace([np.inf, -np.inf], np.nan)
            if column == "position":
                values = values.where((values >= 0) & (values % 1 == 0))
        if values.isna().any():
            what = {"position": "a whole number from 0"}.get(column, "an id" if column.endswith("_id") else "a number")
            raise BadInputError(f"the {name}'s {column} must be {what}: {_rows(values.isna())}")
        known[column] = values.astype(np.int64 if column == "position" else values.dtype)
        if column.endswith("_id"):
            known[column] = values.astype(str)
    return table.assign(**known)


def _check_range(table: pd.DataFrame, name: str, column: str, above: float = -np.inf, least: float = -np.inf) -> None:
    values = table[column]
    wrong = (values <= above) | (values < least) | (values > 1)
    if wrong.any():
        span = "above 0 and at most 1" if above == 0 else "between 0 and 1"
        raise BadInputError(f"the {name}'s {column} must be {span}: {_rows(wrong)}")


def _check_once(table: pd.DataFrame, name: str, key: list[str]) -> None:
    twice = table.duplicated(key)
    if twice.any():
        raise BadInputError(
            f"the {name} has more than one row of the same {', '.join(key)}: {_rows(twice)}; "
            + ("a round with several places needs the column position" if name == "log" else "keep one of each")
        )


def _check_same_places(log: pd.DataFrame, target: pd.DataFrame, at: list[str]) -> None:
    sums = target.groupby(at, sort=True)["probability"].sum()
    shown = pd.MultiIndex.from_frame(log[at]) if len(at) > 1 else pd.Index(log[at[0]])
    what = " and ".join(at)
    if len(lacking := shown.unique().difference(sums.index)):
        raise BadInputError(
            f"the target says nothing of {len(lacking):,} {what} of the log ({_first(lacking)}); "
            "add their probabilities, or leave those rows out of the log"
        )
    if len(strange := sums.index.difference(shown)):
        raise BadInputError(
            f"the log has no row of {len(strange):,} {what} of the target ({_first(strange)}); leave them out"
        )
    off = sums[(sums - 1.0).abs() > TOLERANCE]
    if len(off):
        raise BadInputError(
            f"the target's probabilities of a place must add up to 1; of {len(off):,} {what} they do not "
            f"({', '.join(f'{_name(key)}: {total:.4g}' for key, total in off.iloc[:_SHOWN].items())}); "
            "list every item that may be shown"
        )


def _rows(wrong: "pd.Series[bool]") -> str:
    rows = [str(row + 1) for row in np.flatnonzero(wrong)]
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(rows[:_SHOWN])}{more}"


def _first(keys: pd.Index) -> str:
    return ", ".join(_name(key) for key in keys[:_SHOWN]) + (", …" if len(keys) > _SHOWN else "")


def _name(key: Any) -> str:
    return " at position ".join(map(str, key)) if isinstance(key, tuple) else str(key)
