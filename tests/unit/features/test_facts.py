from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hidden_gems.features.facts import ItemFacts, _homes, _people

USERS = pd.DataFrame(
    {
        "language": ["tr", "en", None],
        "home_neighborhood": ["Moda", "Nowhere", None],
        "is_local": pd.array([True, False, None], dtype="boolean"),
    }
)
ITEMS = pd.DataFrame({"neighborhood": ["Moda", "Moda", "Balat", None], "lat": [40.0, 41.0, 43.0, 9.0], "lon": 29.0})


def test_languages_and_locals_are_one_hot() -> None:
    known = _people(USERS)
    assert known.dtype == np.float32
    assert known.shape == (4, 4)
    assert not known[[0, 3]].any()
    assert known.sum(axis=1).tolist() == [0, 2, 2, 0]
    assert (known[1] * known[2]).sum() == 0


def test_home_is_the_middle_of_its_items() -> None:
    home = _homes(USERS, ITEMS)
    assert home[1].tolist() == [40.5, 29.0]
    assert np.isnan(home[[0, 2, 3]]).all()


def test_people_come_back_from_a_file_and_nothing_is_known_by_default(tmp_path: Path) -> None:
    nothing = ItemFacts.none(3)
    assert (nothing.person.shape, nothing.home.shape) == ((0, 0), (0, 2))
    replace(nothing, person=_people(USERS), home=_homes(USERS, ITEMS)).save(tmp_path)
    loaded = ItemFacts.load(tmp_path)
    np.testing.assert_array_equal(loaded.person, _people(USERS))
    np.testing.assert_array_equal(loaded.home, _homes(USERS, ITEMS))
