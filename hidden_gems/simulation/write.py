"""Write a simulated city as a dataset folder."""

import hashlib
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gems.catalogue.places import load_places
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import TABLES
from hidden_gems.simulation.city import START, City
from hidden_gems.simulation.log import TRUTH_COLUMNS, DayLog, impressions_of, interactions_of, users_of
from hidden_gems.simulation.parameters import PARAMETERS, Parameters
from hidden_gems.simulation.policy import Policy
from hidden_gems.simulation.rhythm import TIMEZONE

ABOUT = "dataset.json"
Progress = Callable[[int, int], None]
"""Called after each simulated day with the days that are over and all days."""


def simulate(
    out: Path,
    people: int = 2000,
    days: int = 60,
    seed: int = 0,
    start: str = START,
    progress: Progress | None = None,
    parameters: Parameters = PARAMETERS,
) -> dict[str, int]:
    """Simulate a city under the logging policy and write it as a dataset folder of Parquet files.

    The same arguments give the same bytes. What is in the folder says of itself that it is simulated.

    Args:
        out: Folder to write; it must not exist, be empty, or hold a simulated dataset, which is replaced.
        people: How many people are ever in the city.
        days: Simulated days.
        seed: Seed of everything that is drawn.
        start: First day, ISO date, local midnight.
        progress: Told about every day.
        parameters: Every number of the city.

    Returns:
        Rows of each table.

    Raises:
        BadInputError: If `out` holds something else, or an argument is out of range.
    """
    check_folder(out)
    city = City(parameters, seed, people, days, start)
    logs = run(city, progress=progress)
    tables = tables_of(city, logs)
    tables["impressions"] = tables["impressions"].drop(columns=list(TRUTH_COLUMNS))
    write_tables(out, tables, describe(people, days, seed, start, parameters))
    return {name: len(tables[name]) for name in TABLES}


def describe(
    people: int, days: int, seed: int, start: str = START, parameters: Parameters = PARAMETERS
) -> dict[str, Any]:
    """Everything that decides about the bytes of a simulated dataset: its `dataset.json`."""
    return {
        "simulated": True,
        "name": f"simulated Istanbul, seed {seed}",
        "timezone": TIMEZONE,
        "seed": seed,
        "people": people,
        "days": days,
        "start": start,
        "policy": "logged_popularity",
        "parameters": parameters.digest(),
        "catalogue": hashlib.sha256(load_places().to_csv(index=False).encode()).hexdigest(),
        "code": _hash_of_code(),
    }


def is_there(out: Path, about: dict[str, Any]) -> bool:
    """Whether a folder holds just the dataset that `about` describes, written to its end."""
    try:
        written = json.loads((out / ABOUT).read_text())
    except (OSError, ValueError):
        return False
    return bool(written == about)


def run(city: City, policy: Policy | None = None, progress: Progress | None = None) -> list[DayLog]:
    """Live all days that are left under one policy (None: the logging policy)."""
    logs = []
    while city.day < city.days:
        logs.append(city.step(policy))
        if progress is not None:
            progress(city.day, city.days)
    return logs


def tables_of(city: City, logs: list[DayLog]) -> dict[str, pd.DataFrame]:
    """The four tables of a simulated city; `impressions` has the truth in `TRUTH_COLUMNS` beside the contract's."""
    return {
        "interactions": interactions_of(logs, city.people, city.gems, city.end),
        "items": city.gems.places,
        "users": users_of(city.people, city.gems),
        "impressions": impressions_of(logs, city.people, city.gems, city.end),
    }


def check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but a simulated dataset.

    Raises:
        BadInputError: If `out` is a file, or a folder with other content.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if out.is_dir() and _is_simulated(out / ABOUT):
        return
    raise BadInputError(f"{out} is not empty and not a simulated dataset; choose another folder for --out")


def write_tables(out: Path, tables: dict[str, pd.DataFrame], about: dict[str, Any]) -> None:
    """Write tables as Parquet, and what they are last."""
    out.mkdir(parents=True, exist_ok=True)
    (out / ABOUT).unlink(missing_ok=True)
    for name in TABLES:
        tables[name].to_parquet(out / f"{name}.parquet", index=False, compression="zstd")
    (out / ABOUT).write_text(json.dumps(about, indent=2) + "\n")


def _hash_of_code() -> str:
    digest = hashlib.sha256()
    for package in ("hidden_gems.simulation", "hidden_gems.catalogue"):
        for part in sorted(resources.files(package).iterdir(), key=lambda part: part.name):
            if part.name.endswith((".py", ".json")):
                digest.update(part.read_bytes())
    return digest.hexdigest()


def _is_simulated(about: Path) -> bool:
    try:
        content = json.loads(about.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("simulated") is True
