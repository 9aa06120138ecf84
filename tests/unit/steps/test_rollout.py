"""The split is exact at every share, stays with a person, and fits into a route."""

from typing import Any

import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.steps.rollout import BUCKETS, RELEASE, serve, split

SHARES = (0, 1, 5, 36, 50, 64, 65, 99, 100)


def answers(route: dict[str, Any], headers: dict[str, str]) -> dict[str, int]:
    """Weights of the sides that answer: of the rules that match, the one with most headers, then the first."""

    def fits(match: dict[str, Any]) -> bool:
        return all(headers.get(each["name"]) == each["value"] for each in match.get("headers", ()))

    found = [
        (len(match.get("headers", ())), -number, rule)
        for number, rule in enumerate(route["spec"]["rules"])
        for match in rule["matches"]
        if fits(match)
    ]
    rule = max(found, key=lambda each: each[:2])[2]
    return {each["name"]: each["weight"] for each in rule["backendRefs"] if each["weight"]}


STABLE, CANARY = "hidden-gems-stable-transformer", "hidden-gems-canary-transformer"


@pytest.mark.parametrize("share", SHARES)
def test_as_many_buckets_as_percent_go_to_the_canary(share: int) -> None:
    route = split(share)
    sides = [answers(route, {"x-gems-bucket": bucket}) for bucket in BUCKETS]
    assert sides == [{CANARY: 100}] * share + [{STABLE: 100}] * (100 - share)


@pytest.mark.parametrize("share", SHARES)
def test_callers_without_a_bucket_are_split_by_weight(share: int) -> None:
    expected = {STABLE: 100 - share, CANARY: share}
    assert answers(split(share), {}) == {side: weight for side, weight in expected.items() if weight}


@pytest.mark.parametrize("share", SHARES)
def test_testers_reach_the_canary_whatever_their_bucket(share: int) -> None:
    assert answers(split(share), {"x-gems-release": "canary", "x-gems-bucket": "99"}) == {CANARY: 100}


@pytest.mark.parametrize("share", SHARES)
def test_a_route_takes_the_split(share: int) -> None:
    rules = split(share)["spec"]["rules"]
    sizes = [len(rule["matches"]) for rule in rules]
    assert all(1 <= size <= 64 for size in sizes)
    assert sum(sizes) <= 128
    assert len(rules) <= 16
    assert {sum(each["weight"] for each in rule["backendRefs"]) for rule in rules} == {100}


def test_a_larger_share_keeps_those_who_are_there() -> None:
    def of(share: int) -> set[str]:
        route = split(share)
        return {bucket for bucket in BUCKETS if CANARY in answers(route, {"x-gems-bucket": bucket})}

    assert of(5) < of(50) < of(100)


@pytest.mark.parametrize("share", [-1, 101, 5.0, True, "5"])
def test_no_other_share_is_taken(share: Any) -> None:
    with pytest.raises(BadInputError, match="whole number from 0 to 100"):
        split(share)


def test_a_set_of_servers_is_told_its_release() -> None:
    deep, gems = serve("canary", "s3://models/istanbul/2026-05-04.1")
    assert deep["spec"]["predictor"]["model"]["storageUri"] == "s3://models/istanbul/2026-05-04.1/model_repository"
    for part in ("predictor", "transformer"):
        assert gems["spec"][part] == {"annotations": {RELEASE: "s3://models/istanbul/2026-05-04.1"}}
    assert {each["metadata"]["name"] for each in (deep, gems)} == {"deep-canary", "hidden-gems-canary"}


def test_the_learner_and_the_collector_follow_stable() -> None:
    told = serve("stable", "s3://models/istanbul/2026-05-04.1")
    assert [each["metadata"]["name"] for each in told] == ["deep-stable", "hidden-gems-stable", "collector", "learner"]
    assert told[-1]["spec"]["template"]["metadata"]["annotations"] == {RELEASE: "s3://models/istanbul/2026-05-04.1"}
