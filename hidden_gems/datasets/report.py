"""What a person should know about a checked dataset: counts, what is missing and what that costs, bad rows."""

from collections.abc import Mapping, Sequence

import pandas as pd

from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import TABLES, Dataset

_COSTS = {
    "interactions": {
        "event_id": "duplicates cannot be found",
        "value": "no ratings, no dwell times",
        "session_id": "sessions can only be guessed from pauses",
        "slate_id": "feedback cannot be tied to what was shown",
        "position": "no correction for position bias",
        "weather": "no weather features",
        "temperature_c": "no hot or cold days",
        "mood": "no mood features",
        "language": "no language features",
        "lat": "no distance from where the person is",
    },
    "items": {
        "name": "ids stand where names would",
        "type": "no features or filters by type",
        "neighborhood": "no features or filters by neighbourhood",
        "lat": "no distances, no map, no travel minutes",
        "opening_hours": "closed gems cannot be left out",
        "authenticity": "no authenticity features or reasons",
        "tourist_ratio": "no tourist features or reasons",
        "crowd_level": "no crowd features",
        "price_level": "no filters by price",
        "setting": "indoor and outdoor are not told apart",
        "created_at": "age and freshness start with the first interaction",
        "tags": "less to compare gems by",
        "description_en": "no English text about the gem",
        "description_tr": "no Turkish text about the gem",
    },
    "users": {
        "language": "explanations are in the default language",
        "home_neighborhood": "no distance from home",
        "is_local": "locals and visitors are not told apart",
        "created_at": "tenure starts with the first interaction",
        "consent": "nobody is known to have opted out",
    },
    "impressions": {
        "policy": "slates of different policies are not told apart",
        "propensity": "no off-policy estimates",
        "clicked": "clicks are taken from the interactions",
    },
}
_WHOLE_TABLE = {
    "items": "items are known by their ids only",
    "users": "people are known by their interactions only",
    "impressions": "what was shown and ignored is unknown, and there are no off-policy estimates",
}
_MOST_REASONS = 5


def missing(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Table, column (or `all`) and cost of everything optional that is absent or empty."""
    lines = []
    for table, costs in _COSTS.items():
        frame = getattr(dataset, table)
        optional = [column.name for column in FILES[table] if not column.required]
        if table in _WHOLE_TABLE and frame[optional].isna().all(axis=None):
            lines.append((table, "all", _WHOLE_TABLE[table]))
        else:
            lines += [(table, column, cost) for column, cost in costs.items() if frame[column].isna().all()]
    return lines


def frequent_reasons(rejected: pd.DataFrame, most: int = _MOST_REASONS) -> list[tuple[str, str, str, int]]:
    """File, column, reason and number of the most frequent kinds of bad rows."""
    if rejected.empty:
        return []
    sizes = rejected[["file", "column", "reason"]].groupby(["file", "column", "reason"]).size().reset_index(name="rows")
    ordered = sizes.sort_values("rows", ascending=False, kind="stable").head(most)
    return [tuple(row) for row in ordered.to_numpy(dtype=object).tolist()]


def markdown(
    dataset: Dataset, counts: Mapping[str, int | float], rejected: pd.DataFrame, warnings: Sequence[str]
) -> str:
    """The report as Markdown."""
    about = dataset.about
    lines = [f"# Dataset {about.name}" + (" (simulated)" if about.simulated else ""), ""]
    lines += [f"Time zone {about.timezone}, fingerprint `{about.fingerprint[:12]}`.", "", "| | rows |", "|---|---:|"]
    lines += [f"| {name} | {counts[name]:,} |" for name in (*TABLES, "rejected", "duplicates")]
    lines += ["", f"Largest share of bad rows in one file: {counts['rejected_share']:.2%}."]
    sections = {
        "What is missing, and what that costs": [
            f"{table}.{column}: {cost}" for table, column, cost in missing(dataset)
        ],
        "Warnings": list(warnings),
        "Most frequent reasons of rejected rows": [
            f"{count:,} × {file}, {column}: {reason}" for file, column, reason, count in frequent_reasons(rejected)
        ],
    }
    for title, entries in sections.items():
        if entries:
            lines += ["", f"## {title}", "", *(f"- {entry}" for entry in entries)]
    return "\n".join(lines) + "\n"
