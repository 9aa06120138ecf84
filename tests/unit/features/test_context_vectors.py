import numpy as np
import pytest

from hidden_gems.datasets.moments import Moments
from hidden_gems.features.context import CONTEXT_NAMES, context_vectors
from tests.factories import MONDAY

HOUR, DAY = 3600, 86_400


def _named(vector: np.ndarray) -> dict[str, float]:
    return dict(zip(CONTEXT_NAMES, vector.tolist(), strict=True))


def test_time_by_hand() -> None:
    monday_six, saturday_noon = (
        _named(vector)
        for vector in context_vectors(Moments.at(np.array([MONDAY + 6 * HOUR, MONDAY + 5 * DAY + 12 * HOUR])), "UTC")
    )
    assert monday_six["hour_sin"] == pytest.approx(1.0)
    assert monday_six["hour_cos"] == pytest.approx(0.0, abs=1e-6)
    assert (monday_six["weekday_sin"], monday_six["weekday_cos"], monday_six["weekend"]) == (0.0, 1.0, 0.0)
    assert saturday_noon["hour_cos"] == pytest.approx(-1.0)
    assert saturday_noon["weekday_sin"] == pytest.approx(np.sin(2 * np.pi * 5 / 7))
    assert saturday_noon["weekend"] == 1.0
    assert monday_six["season_sin"] == pytest.approx(np.sin(2 * np.pi * 124 / 365.25))  # 4 May is the 124th day
    assert monday_six["season_cos"] == pytest.approx(np.cos(2 * np.pi * 124 / 365.25))
    assert monday_six["time_known"] == saturday_noon["time_known"] == 1.0


def test_hours_are_local() -> None:
    utc, istanbul = (context_vectors(Moments.at(np.array([MONDAY])), zone)[0] for zone in ("UTC", "Europe/Istanbul"))
    assert _named(utc)["hour_sin"] == 0.0
    assert _named(istanbul)["hour_sin"] == pytest.approx(np.sin(2 * np.pi * 3 / 24))


def test_an_order_tells_no_time() -> None:
    assert not context_vectors(Moments.at(np.array([5, 9])), "Europe/Istanbul", order_only=True).any()


def test_weather_words_and_aliases() -> None:
    words = ["rain", "rainy", "storm", "snow", "clear", "sunny", "wind", "lava", None, float("nan")]
    vectors = context_vectors(Moments.at(np.full(len(words), MONDAY), weather=words), "UTC")
    columns = dict(zip(CONTEXT_NAMES, vectors.T.tolist(), strict=True))
    assert columns["wet"] == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert columns["weather_known"] == [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_temperature_limits() -> None:
    vectors = context_vectors(Moments.at(np.full(5, MONDAY), temperature_c=[9.9, 10.0, 28.0, 28.1, np.nan]), "UTC")
    columns = dict(zip(CONTEXT_NAMES, vectors.T.tolist(), strict=True))
    assert columns["cold"] == [1, 0, 0, 0, 0]
    assert columns["hot"] == [0, 0, 0, 1, 0]
    assert columns["temperature_known"] == [1, 1, 1, 1, 0]


def test_what_is_not_given_is_unknown() -> None:
    vectors = context_vectors(Moments.at(np.full(3, MONDAY)), "UTC")
    assert vectors.shape == (3, len(CONTEXT_NAMES))
    assert vectors.dtype == np.float32
    assert not vectors[
        :, [CONTEXT_NAMES.index(name) for name in ("wet", "weather_known", "hot", "cold", "temperature_known")]
    ].any()
    assert context_vectors(Moments.at(np.zeros(0, dtype=np.int64)), "UTC").shape == (0, len(CONTEXT_NAMES))
