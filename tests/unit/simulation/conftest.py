from dataclasses import dataclass

import pandas as pd
import pytest

from hidden_gems.simulation.city import City
from hidden_gems.simulation.write import run, tables_of


@dataclass(frozen=True)
class Lived:
    """A small city whose days are over."""

    city: City
    interactions: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    impressions: pd.DataFrame


def live(city: City) -> Lived:
    return Lived(city, **tables_of(city, run(city)))


@pytest.fixture(scope="session")
def lived() -> Lived:
    return live(City(seed=3, people=500, days=30))
