"""A sheet on which people rate explanations, and what the filled ones say."""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hidden_gems.benchmark.explained import Told, tell
from hidden_gems.benchmark.opened import Opened, askers
from hidden_gems.core.errors import BadInputError
from hidden_gems.evaluation.agreement import Scale, alpha
from hidden_gems.evaluation.intervals import mean_interval, wilson
from hidden_gems.evaluation.metrics import Floats

SHOWN = ("id", "language", "asked", "liked", "gem", "text", "facts")
FILLED = ("accurate", "relevance", "trust")
LIKED = 5
"""Places that a rater is told the person liked, the last ones."""
_YES, _NO = ("yes", "y", "evet", "e", "1"), ("no", "n", "hayır", "hayir", "h", "0")
_BEFORE_A_FORMULA = ("=", "+", "-", "@")


def sheet(opened: Opened, count: int, seed: int, progress: Callable[[float], None]) -> list[dict[str, str]]:
    """Rows of a sheet, one gem of each answer; nothing in it names a person.

    Args:
        opened: A release.
        count: Rows.
        seed: Of the people, contexts, draws and gems.
        progress: Told the share that is done.
    """
    random, rows = np.random.default_rng(seed), []
    for number, request in enumerate(askers(opened, count, seed)):
        told = tell(opened, request, random)
        if told.explanations:
            place = int(random.integers(len(told.explanations)))
            rows.append({"id": f"{opened.release.version}-{seed}-{number + 1}", **_row(opened, told, place)})
        progress((number + 1) / count)
    return rows


def write_sheet(rows: Sequence[Mapping[str, str]], out: Path) -> None:
    """Write rows with empty columns to fill; spreadsheets read Turkish letters of it, and no formulas."""
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, (*SHOWN, *FILLED))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _plain(row.get(name, "")) for name in (*SHOWN, *FILLED)})


@dataclass(frozen=True)
class Ratings:
    """What R raters said of U texts; NaN where they said nothing."""

    raters: tuple[str, ...]
    ids: tuple[str, ...]
    values: Mapping[str, Floats]  # by column of `FILLED`, R X U; accurate is 1 or 0


def read_sheets(paths: Sequence[Path]) -> Ratings:
    """Filled sheets, one a rater.

    Raises:
        BadInputError: If one is no filled sheet, the texts are not the same, or a cell cannot be read.
    """
    sheets = [_read(path) for path in paths]
    first = {row["id"]: row["text"] for row in sheets[0]}
    for path, rows in zip(paths, sheets, strict=True):
        if {row["id"]: row["text"] for row in rows} != first:
            raise BadInputError(f"{path} has other texts than {paths[0]}; expected copies of one sheet")
    values = {
        name: np.array([_column(path, rows, first, name) for path, rows in zip(paths, sheets, strict=True)])
        for name in FILLED
    }
    for rater, path in enumerate(paths):
        if all(np.isnan(table[rater]).all() for table in values.values()):
            raise BadInputError(f"{path} has no rating; fill accurate (yes or no), relevance and trust (1 to 5)")
    return Ratings(tuple(path.name for path in paths), tuple(first), values)


def agreement(ratings: Ratings, seed: int = 0) -> dict[str, Any]:
    """Figures of filled sheets.

    A text is accurate if more than half of its raters say so; relevance and trust are means over texts of the mean of
    their raters, with 95 % intervals over texts. `trusted` is the share of texts whose mean trust is 4 or more.
    """
    accurate = _means(ratings.values["accurate"])
    rated = accurate[~np.isnan(accurate)]
    trust = _means(ratings.values["trust"])
    trust = trust[~np.isnan(trust)]
    scales: Mapping[str, Scale] = {"accurate": "nominal", "relevance": "interval", "trust": "interval"}
    return {
        "raters": len(ratings.raters),
        "texts": len(ratings.ids),
        "accurate": _share(int((rated > 0.5).sum()), len(rated)),
        "relevance": _mean(ratings.values["relevance"], seed),
        "trust": _mean(ratings.values["trust"], seed),
        "trusted": _share(int((trust >= 4.0).sum()), len(trust)),
        "alpha": {name: alpha(ratings.values[name], scale) for name, scale in scales.items()},
    }


def _row(opened: Opened, told: Told, place: int) -> dict[str, str]:
    item, each = told.shown.items[place], told.explanations[place]
    where = [str(item[name]) for name in ("name", "type", "neighborhood") if item.get(name)]
    liked = [opened.world.items.item(int(row)) for row in told.answer.found.history.rows[-LIKED:]]
    names = [str(gem.get("name") or gem["item_id"]) + (f" ({gem['type']})" if gem.get("type") else "") for gem in liked]
    return {
        "language": told.request.language,
        "asked": ", ".join(_asked(told)),
        "liked": "; ".join(names) or "(nothing yet)",
        "gem": ", ".join(where) or str(item["item_id"]),
        "text": each["text"],
        "facts": "; ".join(f"{name} {_short(value)}" for name, value in sorted(each["facts"].items())),
    }


def _asked(told: Told) -> Iterator[str]:
    """The context in words."""
    request, at = told.request, told.request.context
    if not at.order_only:
        yield f"{datetime.fromtimestamp(at.timestamp, UTC).astimezone(ZoneInfo(at.timezone)):%A %H:%M}"
    if at.weather:
        yield at.weather.replace("_", " ")
    if at.temperature_c is not None:
        yield f"{at.temperature_c:g} °C"
    if request.mood:
        yield request.mood
    if request.preferences.types:
        yield f"asked for {', '.join(sorted(request.preferences.types))}"


def _short(value: bool | float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else value


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_BEFORE_A_FORMULA) else text


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read as text: {error}") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=";" if head.count(";") > head.count(",") else ",")
    missing = [name for name in ("id", "text", *FILLED) if name not in (reader.fieldnames or ())]
    if missing:
        raise BadInputError(f"{path} has no column {missing[0]}; expected a sheet of `gems explain sample`, filled")
    rows = [{str(name): str(value or "") for name, value in row.items()} for row in reader]
    if not rows:
        raise BadInputError(f"{path} has no row; expected a sheet of `gems explain sample`, filled")
    if len({row["id"] for row in rows}) < len(rows):
        raise BadInputError(f"{path} has an id twice")
    return rows


def _column(path: Path, rows: Sequence[Mapping[str, str]], ids: Mapping[str, str], name: str) -> list[float]:
    """Ratings of one column in the order of the ids."""
    by_id = {row["id"]: row for row in rows}
    return [_cell(path, by_id[each], name) for each in ids]


def _cell(path: Path, row: Mapping[str, str], name: str) -> float:
    text = row[name].strip().lower()
    if not text:
        return math.nan
    if name == "accurate":
        if text in _YES or text in _NO:
            return float(text in _YES)
        raise BadInputError(f"{path}, {row['id']}: accurate is {text[:20]!r}; expected yes or no")
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if value not in (1.0, 2.0, 3.0, 4.0, 5.0):
        raise BadInputError(f"{path}, {row['id']}: {name} is {text[:20]!r}; expected a whole number from 1 to 5")
    return value


def _means(table: Floats) -> Floats:
    """Mean of the raters of each text, NaN where there is none."""
    count = (~np.isnan(table)).sum(axis=0)
    found: Floats = np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.nan)
    return found


def _share(yes: int, count: int) -> dict[str, Any]:
    low, high = wilson(yes, count)
    return {"value": yes / count if count else math.nan, "low": low, "high": high, "texts": count}


def _mean(table: Floats, seed: int) -> dict[str, Any]:
    found = mean_interval(_means(table), seed=seed)
    return {"value": found.value, "low": found.low, "high": found.high, "texts": found.users}
