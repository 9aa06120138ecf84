"""Write a simulated city as a dataset folder."""

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gems.catalogue.places import load_places
from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import TABLES
from hidden_gems.datasets.parts import PartWriter
from hidden_gems.simulation.city import START, City
from hidden_gems.simulation.gems import Gems
from hidden_gems.simulation.log import (
    EVENTS,
    IMPRESSIONS,
    TRUTH_COLUMNS,
    Chunk,
    DayLog,
    impressions_frame,
    impressions_of,
    interactions_frame,
    interactions_of,
    joined,
    users_of,
)
from hidden_gems.simulation.parameters import PARAMETERS, Parameters
from hidden_gems.simulation.people import People
from hidden_gems.simulation.policy import Policy
from hidden_gems.simulation.rhythm import TIMEZONE

ABOUT = "dataset.json"
PART_ROWS = 1_000_000
"""Rows of a table that are held before they are written."""
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
    out.mkdir(parents=True, exist_ok=True)
    (out / ABOUT).unlink(missing_ok=True)
    rows = _write_logs(out, city, progress)
    for name, table in (("items", city.gems.places), ("users", users_of(city.people, city.gems))):
        table.to_parquet(out / f"{name}.parquet", index=False, compression="zstd")
        rows[name] = len(table)
    about = describe(people, days, seed, start, parameters)
    (out / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
    return {name: rows[name] for name in TABLES}


def _write_logs(out: Path, city: City, progress: Progress | None) -> dict[str, int]:
    """Live all days and write what happened, a part at a time; rows of each table."""
    with PartWriter(out / "interactions.parquet") as told, PartWriter(out / "impressions.parquet") as shown:
        events, slates = _Held(city, EVENTS, interactions_frame, told), _Held(city, IMPRESSIONS, _shown_frame, shown)
        while city.day < city.days:
            log = city.step()
            events.add(log.events)
            slates.add(log.impressions)
            if progress is not None:
                progress(city.day, city.days)
        events.write(city.end)
        slates.write(city.end)
    return {"interactions": told.rows, "impressions": shown.rows}


class _Held:
    """Rows of one table that wait until nothing that is still to come can stand before them."""

    def __init__(self, city: City, names: Sequence[str], frame: Callable[..., pd.DataFrame], file: PartWriter) -> None:
        self.city, self.names, self.frame, self.file = city, names, frame, file
        self.chunks: list[Chunk] = []
        self.rows = 0

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Take the rows of a day that is over; write when there are many."""
        self.chunks += chunks
        self.rows += sum(len(chunk["timestamp"]) for chunk in chunks)
        if self.rows >= PART_ROWS:
            begins = self.city.parameters.sessions.slot_hours[0] * HOUR_SECONDS
            self.write(min(self.city.end, self.city.start + self.city.day * DAY_SECONDS + int(begins)))

    def write(self, before: int) -> None:
        """Write the rows before a second and keep the others."""
        table = joined(self.chunks, self.names)
        early = table["timestamp"] < before
        self.file.add(self.frame(table[early], self.city.people, self.city.gems, self.file.rows))
        later = table[~early]
        self.chunks, self.rows = [{name: later[name].to_numpy() for name in self.names}], len(later)


def _shown_frame(table: pd.DataFrame, people: People, gems: Gems, first: int) -> pd.DataFrame:
    return impressions_frame(table, people, gems, first).drop(columns=list(TRUTH_COLUMNS))


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
