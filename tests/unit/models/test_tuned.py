from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hidden_gems.models.recent_popular import RecentPopular


@dataclass
class _Valued(RecentPopular):
    """Its value depends on its settings alone; counts how often it was asked."""

    asked: int = 0

    def value(self, of: Callable[[float, float], float]) -> Callable[[], float]:
        def now() -> float:
            self.asked += 1
            return of(self.half_life or 0.0, self.again)

        return now


def test_climbs_one_setting_after_the_other() -> None:
    model = _Valued()
    best = model.climb(
        {"half_life": (None, 1.0, 2.0, 3.0), "again": (1.0, 0.0)}, model.value(lambda h, a: -((h - 2) ** 2) - a * h)
    )
    assert (model.half_life, model.again) == (1.0, 0.0)  # -2 at 1 before -2 at 2, so the first; then 0 is better
    assert best == -1.0
    assert model.asked == 1 + 3 + 1  # what is set already is not asked again


def test_what_is_set_stays_unless_another_is_better() -> None:
    model = _Valued(5.0)
    model.climb({"half_life": (None, 1.0)}, model.value(lambda h, a: 0.0))
    assert model.half_life == 5.0


def test_a_value_that_is_not_a_number_is_worst() -> None:
    model = _Valued()
    best = model.climb({"half_life": (1.0, 2.0, 3.0)}, model.value(lambda h, a: np.nan if h in (0, 3) else h))
    assert (model.half_life, best) == (2.0, 2.0)


def test_goes_back_to_what_was_given() -> None:
    model = _Valued(5.0, 0.25)
    model.half_life, model.again = 1.0, 1.0
    model.forget_choice()
    assert model.settings == {"half_life": 5.0, "again": 0.25, "asked": 0}
