from collections import Counter
from pathlib import Path

from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE, FEATURES, SCORE_NAMES, as_markdown

PLAN = {
    "history_diversity", "average_rating", "loyalty_score", "authenticity", "tourist_ratio", "popularity",
    "freshness_days", "crowd_level",
    "time_of_day_sin", "time_of_day_cos", "weather", "is_weekend", "seasonality_sin", "seasonality_cos",
    "cosine_similarity", "historical_ctr", "collaborative_score",
}  # fmt: skip


def test_there_are_sixty_features_in_four_groups() -> None:
    assert Counter(f.group for f in FEATURES) == {"user": 15, "gem": 20, "context": 10, "interaction": 15}
    assert len(set(FEATURE_NAMES)) == 60
    assert set(FEATURE_NAMES) >= PLAN


def test_the_six_scores_close_the_vector() -> None:
    assert SCORE_NAMES == (
        "ncf_score", "wide_deep_score", "sasrec_score", "gru4rec_score", "graphsage_score", "collaborative_score",
    )  # fmt: skip
    assert FEATURE_NAMES[54:] == SCORE_NAMES
    assert FEATURE_SERVICE == "ranker_v1"


def test_groups_are_contiguous_and_fixed_in_order() -> None:
    assert [f.group for f in FEATURES] == ["user"] * 15 + ["gem"] * 20 + ["context"] * 10 + ["interaction"] * 15
    assert [FEATURE_NAMES[i] for i in (0, 14, 15, 34, 35, 44, 45)] == [
        "history_diversity", "night_share", "authenticity", "idle_hours", "time_of_day_sin", "hot_or_cold",
        "cosine_similarity",
    ]  # fmt: skip


def test_the_table_for_people_is_up_to_date() -> None:
    assert Path("docs/features.md").read_text() == as_markdown()
    assert as_markdown().count("\n| ") == 61
    assert (
        "| 6 | `tenure_days` | user | days | since their first feedback | rows of the store "
        "| no feedback, or times are only an order |" in as_markdown()
    )
