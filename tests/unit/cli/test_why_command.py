"""What `gems why` says of each stage that a gem reached."""

from typing import Any

from hidden_gems.cli.why import stages
from hidden_gems.client import Trace


def told(stage: str, **more: Any) -> str:
    about = {"slate_id": "s1", "item_id": "g7", "policy": "p", "release": "r", "catalogue": 400, "candidates": 200}
    return " ".join(stages(Trace.model_validate({"stage": stage, **about, **more})))


SCORED = {
    "sources": ("nearby",), "score": 0.5, "score_rank": 3, "expected_reward": 0.1, "utility": 1.0, "utility_rank": 2,
}  # fmt: skip


def test_where_it_fell_out() -> None:
    assert told("filters", fails=("types", "seen")) == "g7 was out of the question by: types, seen."
    assert "200 of 400 gems became candidates, and it was none of them." in told("candidates")
    draw = {"position": 0, "item_id": "g1", "probability": 0.2}
    assert told("draw", **SCORED, draws=(draw,)).endswith("It was not drawn for any position:")


def test_where_it_is_shown() -> None:
    said = told("shown", **SCORED, position=1, constraints=("floor:Balat",))
    assert "one of 200 candidates by nearby." in said
    assert "The ranker put it at 3 (score 0.500)" in said
    assert said.endswith("It is shown at position 2, changed by floor:Balat.")
