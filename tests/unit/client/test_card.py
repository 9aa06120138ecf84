from typing import Any

import pytest

from hidden_gems.client import Prediction, render

FULL = {
    "text": "Balat: it is rarely crowded.",
    "top_features": [
        {"name": "crowd", "label": "crowds", "importance": 0.345},
        {"name": "price", "label": "price", "importance": 0.2},
        {"name": "own", "importance": 0.004},
        {"name": "time", "label": "fourth", "importance": 0.001},
    ],
    "similar_items": [{"item_id": "g3", "name": "Kedi", "rating": 5}, {"item_id": "g4"}],
}


def slate(*items: dict[str, Any]) -> Prediction:
    filled = [
        {"item_id": f"g{place}", "position": place, "score": 0.5, "propensity": 0.1, "impression_token": "t"} | item
        for place, item in enumerate(items)
    ]
    return Prediction.model_validate({"slate_id": "s", "user_id": "u", "policy": "p", "release": "r", "items": filled})


def test_the_card_in_english() -> None:
    card = render(
        slate(
            {"name": "Küflü", "neighborhood": "Balat", "authenticity": 0.75, "explanation": FULL},
            {"name": "Teras", "neighborhood": "Moda"},
            {"type": "bar"},
        ),
        "en",
    )
    assert card.splitlines() == [
        "Here is a corner of Istanbul that its own people love:",
        "",
        "**Küflü**, Balat",
        "Why this gem for you: Balat: it is rarely crowded.",
        "Key factors: crowds 34 %, price 20 %, own 0 %",
        "Like places you know: Kedi (you gave it 5 of 5), g4",
        "",
        "Also worth a look:",
        "- Teras, Moda",
        "- bar g2",
    ]


def test_the_card_in_turkish() -> None:
    card = render(slate({"name": "Küflü", "explanation": FULL}), "tr")
    assert card.splitlines() == [
        "İşte sana göre bir yer:",
        "",
        "**Küflü**",
        "Neden bu yer: Balat: it is rarely crowded.",
        "Öne çıkanlar: crowds yüzde 34, price yüzde 20, own yüzde 0",
        "Bildiğin yerlere benziyor: Kedi (5 üzerinden 5 verdin), g4",
    ]


@pytest.mark.parametrize(
    ("authenticity", "english", "turkish"),
    [
        (0.75, "its own people love", "İstanbulluların"),
        (0.7499, "locals and visitors share", "yerlisiyle"),
        (0.4, "locals and visitors share", "yerlisiyle"),
        (0.3999, "well-known", "ününü hak eden"),
        (None, "a place for you", "sana göre"),
    ],
)
def test_authenticity_opens_the_card(authenticity: float | None, english: str, turkish: str) -> None:
    gem = slate({"name": "Küflü", "authenticity": authenticity})
    assert english in render(gem).splitlines()[0]
    assert turkish in render(gem, "tr").splitlines()[0]
    assert len(render(gem).splitlines()) == 3


def test_an_empty_answer_says_what_to_do() -> None:
    assert render(slate()) == "No place fits what you asked for. Try fewer filters."
    assert render(slate(), "tr").endswith("Daha az filtreyle dene.")


def test_a_gem_without_name_and_type_is_a_place() -> None:
    assert "**Place g0**" in render(slate({}))
    assert "**Yer g0**" in render(slate({}), "tr")


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "At night it would be 2 places lower on this list."), ("tr", "Gece bu listede 2 sıra aşağıda olurdu.")],
)
def test_what_would_move_the_gem_most_is_told_with_its_figure(language: Any, told: str) -> None:
    moves: list[dict[str, Any]] = [
        {"change": {"weather": "rain"}, "score_change": 0.9, "rank_change": -1},
        {"change": {"time_of_day": "night"}, "score_change": -0.4, "rank_change": 2},
    ]
    card = render(slate({"name": "Küflü", "explanation": FULL | {"counterfactuals": moves}}), language)
    assert card.splitlines()[-1] == told
    higher = render(slate({"name": "Küflü", "explanation": FULL | {"counterfactuals": moves[:1]}}), "en")
    assert higher.splitlines()[-1] == "In rain it would be 1 place higher on this list."


def test_a_change_that_moves_nothing_or_that_has_no_words_is_not_told() -> None:
    still = {"change": {"time_of_day": "night"}, "score_change": -0.4, "rank_change": 0}
    unknown = {"change": {"moon": "full"}, "score_change": -0.4, "rank_change": 3}
    for each in (still, unknown):
        card = render(slate({"name": "Küflü", "explanation": FULL | {"counterfactuals": [each]}}))
        assert card == render(slate({"name": "Küflü", "explanation": FULL}))
