"""The first day of a cluster: nothing was trained, nobody is known, and people are answered all the same."""

from collections.abc import Iterator

import pytest

from hidden_gems.client import check_text, facts_of
from hidden_gems.client.answers import Item
from hidden_gems.export.starter import VERSION
from tests.integration.chain import Chain
from tests.integration.stack import Stack

GALATA = {"lat": 41.0256, "lon": 28.9741}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("starter")
    nothing: Chain = None  # type: ignore[assignment] # no release of any chain is there
    made = Stack(nothing, folder, more={"GEMS_STARTER": "true", "GEMS_ENVIRONMENT": "production"})
    try:
        made.start("redis", "broker", "ranker", "transformer")  # and nobody who serves deep models
        yield made
    finally:
        made.close()


def test_somebody_is_answered_with_real_places_and_nothing_is_degraded(stack: Stack) -> None:
    found = stack.ask("somebody", context={"location": GALATA}, limit=10, explain="full")
    assert (found["release"], found["degraded"], found["policy"]) == (VERSION, [], "ranker+thompson")
    assert len({each["item_id"] for each in found["items"]}) == 10
    for each in found["items"]:
        assert each["name"]
        assert each["impression_token"]
        explanation = each["explanation"]
        assert explanation["text"]
        item = Item.model_validate(each)
        assert check_text(explanation["text"], facts_of(item), "en").ok
    assert any("nearby" in each["source"] for each in found["items"])
    _, slate = stack.logged(found["slate_id"])
    assert slate.release == VERSION
