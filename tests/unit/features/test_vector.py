import numpy as np
import pytest

from hidden_gems.catalogue.travel import travel_minutes
from hidden_gems.features.raw import RAW_COLUMNS, Raw
from hidden_gems.features.schema import FEATURE_NAMES, SCORE_NAMES
from hidden_gems.features.vector import feature_matrix

HOUR, DAY = 3600.0, 86_400.0
NOW = 1_777_852_800.0


def raw(**known: float) -> Raw:
    return {name: np.array([known.get(name, np.nan)]) for name in RAW_COLUMNS} | {
        "timestamp": np.array([known.get("timestamp", NOW)])
    }


def feature(name: str, **known: float) -> float:
    return float(feature_matrix(raw(**known))[0, FEATURE_NAMES.index(name)])


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("history_diversity", {"user_type_likes": 4, "user_type_squares": 10}, 1 - 10 / 16),
        ("average_rating", {"user_rating_sum": 9e6, "user_ratings": 2}, 4.5),
        ("loyalty_score", {"user_likes": 8, "user_items": 6}, 0.25),
        ("activity_7d", {"user_likes_7d": 3}, 3),
        ("activity_30d", {"user_likes_30d": 5}, 5),
        ("activity_total", {"user_likes": 8}, 8),
        ("tenure_days", {"user_first_time": NOW - 3 * DAY}, 3),
        ("recency_hours", {"user_last_time": NOW - 5 * HOUR}, 5),
        ("conversion_share", {"user_conversions": 1, "user_interactions": 4}, 0.25),
        ("negative_share", {"user_negatives": 3, "user_interactions": 4}, 0.75),
        ("liked_authenticity", {"user_authenticity_sum": 1.2e6, "user_authenticity_count": 2}, 0.6),
        ("liked_tourist_ratio", {"user_tourist_ratio_sum": 0.9e6, "user_tourist_ratio_count": 3}, 0.3),
        ("liked_price_level", {"user_price_level_sum": 5e6, "user_price_level_count": 2}, 2.5),
        ("weekend_share", {"user_weekend_likes": 1, "user_likes": 2}, 0.5),
        ("night_share", {"user_night_likes": 1, "user_likes": 4}, 0.25),
        ("authenticity", {"item_authenticity": 0.7}, 0.7),
        ("tourist_ratio", {"item_tourist_ratio": 0.2}, 0.2),
        ("crowd_level", {"item_crowd_level": 0.4}, 0.4),
        ("hidden_factor", {"item_hidden_factor": 9}, 9),
        ("price_level", {"item_price_level": 3}, 3),
        ("setting", {"item_setting": 0.5}, 0.5),
        ("popularity", {"item_likes_30d": 5, "item_top_likes": 20, "item_likes": 99}, 0.25),
        ("popularity", {"item_likes_30d": 30, "item_top_likes": 20}, 1.0),
        ("popularity", {"item_likes_30d": 0, "item_top_likes": 0}, 0.0),
        ("popularity", {"item_likes": 5, "item_top_likes": 10}, 0.5),
        ("popularity_trend", {"item_likes_7d": 0, "item_likes_30d": 0}, 0.0),
        ("popularity_trend", {"item_likes_7d": 6, "item_likes_30d": 6}, np.log(1 / ((6 + 30 / 7) / 30))),
        ("freshness_days", {"item_created_at": NOW - 2 * DAY, "item_first_time": NOW - DAY}, 2),
        ("freshness_days", {"item_first_time": NOW - DAY}, 1),
        ("freshness_days", {"item_created_at": NOW + DAY}, 0),
        ("ctr", {"item_answers": 0, "item_impressions": 0}, 0.05),
        ("ctr", {"item_answers": 4, "item_impressions": 30}, 0.1),
        ("ctr", {"item_answers": 40, "item_impressions": 10}, 1.0),
        ("conversion_rate", {"item_conversions": 3, "item_interactions": 4}, 0.75),
        ("item_average_rating", {"item_rating_sum": 7e6, "item_ratings": 2}, 3.5),
        ("distinct_users", {"item_users": 6}, 6),
        ("repeat_rate", {"item_users": 6, "item_likes": 8}, 0.25),
        ("is_rare", {"item_likes_30d": 1, "item_top_likes": 10}, 0),
        ("is_rare", {"item_likes_30d": 1, "item_top_likes": 11}, 1),
        ("interactions_7d", {"item_likes_7d": 4}, 4),
        ("interactions_total", {"item_likes": 8}, 8),
        ("mean_reward", {"item_reward_sum": -1e6, "item_interactions": 4}, -0.25),
        ("negative_rate", {"item_negatives": 1, "item_interactions": 4}, 0.25),
        ("idle_hours", {"item_last_time": NOW - 6 * HOUR}, 6),
        ("time_of_day_sin", {"local_hour": 6}, 1),
        ("time_of_day_cos", {"local_hour": 12}, -1),
        ("is_night", {"local_hour": 5.99}, 1),
        ("is_night", {"local_hour": 6}, 0),
        ("is_night", {"local_hour": 21.99}, 0),
        ("is_night", {"local_hour": 22}, 1),
        ("weekday", {"weekday": 3}, 3),
        ("is_weekend", {"weekday": 4}, 0),
        ("is_weekend", {"weekday": 5}, 1),
        ("seasonality_sin", {"day_of_year": 92.3125}, 1),
        ("seasonality_cos", {"day_of_year": 1}, 1),
        ("weather", {"weather": 0.75}, 0.75),
        ("temperature", {"temperature_c": -3}, -3),
        ("hot_or_cold", {"temperature_c": 28.1}, 1),
        ("hot_or_cold", {"temperature_c": 28}, 0),
        ("hot_or_cold", {"temperature_c": 10}, 0),
        ("hot_or_cold", {"temperature_c": 9.9}, -1),
        ("historical_ctr", {"type_reward_sum": 0, "type_impressions": 0, "type_interactions": 0}, 0.1),
        ("historical_ctr", {"type_reward_sum": 2e6, "type_impressions": 5, "type_interactions": 3}, 0.25),
        ("historical_ctr", {"type_reward_sum": 2e6, "type_impressions": 3, "type_interactions": 15}, 0.125),
        ("type_share", {"type_likes": 2, "user_type_likes": 8}, 0.25),
        ("neighborhood_share", {"neighborhood_likes": 3, "user_neighborhood_likes": 4}, 0.75),
        ("own_visits", {"own_likes": 2}, 2),
        ("own_recency_hours", {"own_last_time": NOW - HOUR}, 1),
        ("price_gap", {"item_price_level": 4, "user_price_level_sum": 5e6, "user_price_level_count": 2}, 1.5),
        ("authenticity_gap",
         {"item_authenticity": 0, "user_authenticity_sum": 8e5, "user_authenticity_count": 2}, -0.4),
    ],
)  # fmt: skip
def test_formula(name: str, known: dict[str, float], expected: float) -> None:
    assert feature(name, **known) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["history_diversity", "loyalty_score", "conversion_share", "weekend_share"])
def test_a_share_of_nothing_is_missing(name: str) -> None:
    nothing = {"user_type_likes": 0, "user_type_squares": 0, "user_likes": 0, "user_items": 0, "user_weekend_likes": 0}
    assert np.isnan(feature(name, **nothing, user_conversions=0, user_interactions=0))


def test_taste_and_gem_that_agree_in_everything_are_at_an_angle_of_nought() -> None:
    same = {
        "user_type_likes": 3, "user_type_squares": 9, "type_likes": 3, "item_has_type": 1,
        "user_authenticity_sum": 2e6, "user_authenticity_count": 2, "item_authenticity": 1, "item_has_neighborhood": 0,
    }  # fmt: skip
    assert feature("cosine_similarity", **same) == pytest.approx(1.0)
    assert feature("cosine_similarity", **same | {"type_likes": 0, "item_authenticity": 0}) == pytest.approx(-0.5)


def test_cosine_similarity_is_that_of_the_vectors_written_out() -> None:
    known = {
        "user_type_likes": 4, "user_type_squares": 10, "type_likes": 1, "item_has_type": 1,
        "user_neighborhood_likes": 5, "user_neighborhood_squares": 13, "neighborhood_likes": 2,
        "item_has_neighborhood": 1, "user_price_level_sum": 3e6, "user_price_level_count": 1, "item_price_level": 4,
        "user_hidden_factor_sum": 1e6, "user_hidden_factor_count": 1, "item_hidden_factor": 10,
    }  # fmt: skip
    taste = np.array([3 / 4, 1 / 4, 3 / 5, 2 / 5, 0.5, -1.0])
    gem = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    expected = taste @ gem / np.linalg.norm(taste) / np.linalg.norm(gem)
    assert feature("cosine_similarity", **known) == pytest.approx(expected, abs=1e-6)


def test_cosine_similarity_with_a_blank_side_is_missing() -> None:
    assert np.isnan(feature("cosine_similarity", item_has_type=1, item_has_neighborhood=0))
    assert np.isnan(
        feature("cosine_similarity", item_has_type=0, item_has_neighborhood=0, user_type_likes=1, user_type_squares=1)
    )


REQUEST, LAST, HOME, GEM = (41.03, 28.98), (41.05, 29.0), (41.0, 28.95), (41.0369, 28.985)


def places(request: bool = True, last: bool = True) -> dict[str, float]:
    found = {
        "item_lat": GEM[0], "item_lon": GEM[1], "user_located": 2, "user_lat_sum": HOME[0] * 2e6,
        "user_lon_sum": HOME[1] * 2e6,
    }  # fmt: skip
    found |= {"user_last_lat": LAST[0], "user_last_lon": LAST[1]} if last else {}
    return found | ({"lat": REQUEST[0], "lon": REQUEST[1]} if request else {})


@pytest.mark.parametrize(
    ("known", "start"), [(places(), REQUEST), (places(request=False), LAST), (places(False, False), HOME)]
)
def test_travel_starts_where_the_person_is_known_to_be(known: dict[str, float], start: tuple[float, float]) -> None:
    assert feature("travel_minutes", **known) == pytest.approx(float(travel_minutes(*start, *GEM)), rel=1e-6)


def test_half_a_place_is_no_place() -> None:
    known = places()
    del known["lon"]
    assert feature("travel_minutes", **known) == pytest.approx(float(travel_minutes(*LAST, *GEM)), rel=1e-6)
    del known["item_lon"]
    assert np.isnan(feature("travel_minutes", **known))
    assert np.isnan(feature("travel_minutes", item_lat=41.0, item_lon=29.0, user_located=0))


def test_scores_take_their_places_and_others_stay_missing() -> None:
    matrix = feature_matrix(raw(), {"sasrec_score": np.array([0.5]), "ncf_score": np.array([np.inf])})
    assert matrix.shape == (1, 60)
    assert matrix.dtype == np.float32
    assert matrix[0, FEATURE_NAMES.index("sasrec_score")] == 0.5
    assert np.isnan(matrix[0, [FEATURE_NAMES.index(name) for name in SCORE_NAMES if name != "sasrec_score"]]).all()


def test_a_score_by_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown: magic_score"):
        feature_matrix(raw(), {"magic_score": np.array([1.0])})


def test_all_unknown_is_all_missing() -> None:
    assert np.isnan(feature_matrix(raw())).all()
