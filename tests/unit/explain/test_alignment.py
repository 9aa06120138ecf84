import pytest

from hidden_gems.explain.alignment import context_alignment
from hidden_gems.features.request import RequestContext

NOW = 1_777_905_000  # Monday 2026-05-04, 17:30 in Istanbul
NAN = float("nan")


def aligned(item: dict[str, object], time_of_day: str | None = None, minutes: float = NAN, **more: object) -> object:
    context = RequestContext(NOW, "Europe/Istanbul", **more)  # type: ignore[arg-type]
    return context_alignment(item, context, time_of_day, minutes)


@pytest.mark.parametrize(
    ("best", "now", "fit"),
    [
        ("evening", "evening", 1.0), ("afternoon", "evening", 0.5), ("night", "evening", 0.5),
        ("morning", "evening", 0.25), ("night", "morning", 0.5), ("morning", "night", 0.5),
        ("afternoon", "night", 0.25),
    ],
)  # fmt: skip
def test_time_fits_at_the_best_time_and_half_beside_it(best: str, now: str, fit: float) -> None:
    assert aligned({"best_time": best}, now) == {"time": fit}


def test_a_closed_gem_does_not_fit_the_time_whatever_its_best_one() -> None:
    assert aligned({"best_time": "evening", "opening_hours": "Mo-Su 09:00-17:00"}, "evening") == {"time": 0.0}
    assert aligned({"best_time": "evening", "opening_hours": "Mo-Su 09:00-18:00"}, "evening") == {"time": 1.0}


@pytest.mark.parametrize(
    ("setting", "weather", "fit"),
    [("indoor", "storm", 1.0), ("outdoor", "storm", 0.0), ("both", "storm", 0.5), ("outdoor", "clear", 1.0),
     ("outdoor", "rain", 0.25)],
)  # fmt: skip
def test_weather_fits_what_is_indoors(setting: str, weather: str, fit: float) -> None:
    assert aligned({"setting": setting}, weather=weather) == {"weather": fit}


def test_distance_falls_with_the_way() -> None:
    assert aligned({}, minutes=0.0) == {"distance": 1.0}
    assert aligned({}, minutes=30.0) == {"distance": 0.368}


def test_what_nobody_knows_is_left_out() -> None:
    assert aligned({}, "evening") == {}
    assert aligned({"best_time": "evening", "setting": "outdoor"}) == {}
    assert aligned({"setting": "outdoor"}, weather="other") == {}
    assert aligned({"best_time": "other"}, "evening") == {}
