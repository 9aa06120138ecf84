import numpy as np

from hidden_gems.features.raw import MICRO, NEEDS_TIME, RAW_COLUMNS, RECENT_DAYS, context_columns, weather_severity


def test_weather_is_ordered_from_clear_to_storm() -> None:
    words = [
        "sunny",
        "clear",
        "partly_cloudy",
        "cloudy",
        "wind",
        "fog",
        "rainy",
        "rain",
        "snow",
        "storm",
        "other",
        None,
    ]
    assert weather_severity(words)[:10].tolist() == [0.0, 0.0, 0.15, 0.3, 0.45, 0.5, 0.75, 0.75, 0.9, 1.0]
    assert np.isnan(weather_severity(words)[10:]).all()


def test_names_are_unique_and_say_what_needs_times() -> None:
    assert len(RAW_COLUMNS) == len(set(RAW_COLUMNS)) == 74
    assert {
        "user_first_time", "user_last_time", "user_likes_7d", "user_likes_30d", "user_weekend_likes",
        "user_night_likes", "item_first_time", "item_last_time", "item_likes_7d", "item_likes_30d", "own_last_time",
    } == NEEDS_TIME  # fmt: skip
    assert (MICRO, RECENT_DAYS) == (10**6, (7, 30))


def test_an_order_has_weather_but_no_hour() -> None:
    found = context_columns(
        np.array([5]),
        "Europe/Istanbul",
        order_only=True,
        weather=["storm"],
        temperature_c=[3.0],
        place=([41.0], [29.0]),
    )
    assert found["weather"].tolist() == [1.0]
    assert found["timestamp"].tolist() == [5.0]
    assert np.isnan([found[name][0] for name in ("local_hour", "weekday", "day_of_year")]).all()
