import pytest
from pydantic import ValidationError

from hidden_gems.client.answers import Reason


def test_an_answer_cannot_be_changed_and_keeps_what_it_does_not_know() -> None:
    reason = Reason.model_validate({"name": "own", "label": "your own visits", "importance": 0.5, "newer": 1})
    with pytest.raises(ValidationError, match="frozen"):
        reason.importance = 1.0  # type: ignore[misc]
    assert reason.model_extra == {"newer": 1}
