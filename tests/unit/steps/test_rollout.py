"""The split is exact at every share, stays with a person, and fits into a route."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from hidden_gems.core.errors import BadInputError, PartUnavailableError, ReleaseError
from hidden_gems.export import depot
from hidden_gems.steps.rollout import BUCKETS, FIELD_MANAGER, RELEASE, Cluster, roll_out, serve, split
from tests.unit.export.test_depot import NONE, WORSE, release

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


class Api(ThreadingHTTPServer):
    """Takes what is applied; refuses after `most`."""

    daemon_threads = True

    def __init__(self, most: int = 99, code: int = 409) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.most, self.code = most, code
        self.applied: list[tuple[str, dict[str, Any]]] = []


class _Api(BaseHTTPRequestHandler):
    server: Api

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        assert self.path.endswith(f"?fieldManager={FIELD_MANAGER}")
        self.server.applied.append((self.path.partition("?")[0], body))
        good = len(self.server.applied) <= self.server.most
        content = json.dumps(body if good else {"message": "conflict with kubectl"}).encode()
        self.send_response(200 if good else self.server.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def api(**more: int) -> Iterator[tuple[Api, Cluster]]:
    with Api(**more) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, Cluster(ApiClient(Configuration(host=f"http://127.0.0.1:{server.server_port}")))
        server.shutdown()


@pytest.fixture
def releases(tmp_path: Path) -> str:
    depot.push(release(tmp_path / "made", "2026-05-04.1"), str(tmp_path / "depot"))
    return str(tmp_path / "depot")


SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/gems-serving/inferenceservices"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/gems-serving/httproutes/hidden-gems"


def test_a_canary_serves_before_anybody_is_sent_to_it(releases: str) -> None:
    with api() as (server, cluster):
        told = roll_out(cluster, releases, "2026-05-04.1", 5)
    assert told == "the canary serves 2026-05-04.1 and answers 5 % of the people"
    assert [path for path, _ in server.applied] == [
        f"{SERVICES}/deep-canary", f"{SERVICES}/hidden-gems-canary", ROUTES,
    ]  # fmt: skip
    assert server.applied[0][1]["spec"]["predictor"]["model"]["storageUri"] == (
        f"{releases}/2026-05-04.1/model_repository"
    )
    assert server.applied[-1][1] == split(5)
    assert (depot.named(releases, "canary"), depot.named(releases)) == ("2026-05-04.1", None)


def test_at_the_end_stable_serves_it_and_everybody_is_sent_back(releases: str) -> None:
    with api() as (server, cluster):
        told = roll_out(cluster, releases, "2026-05-04.1", 100)
    assert told == "stable serves 2026-05-04.1 and answers everybody"
    assert [path.rpartition("/")[2] for path, _ in server.applied] == [
        "deep-canary", "hidden-gems-canary", "deep-stable", "hidden-gems-stable", "collector", "learner", "hidden-gems",
    ]  # fmt: skip
    assert server.applied[-1][1] == split(0)
    assert depot.named(releases) == "2026-05-04.1"


def test_going_back_needs_no_release(releases: str) -> None:
    with api() as (server, cluster):
        assert roll_out(cluster, releases, "", 0) == "stable answers everybody"
        assert [body for _, body in server.applied] == [split(0)]
        with pytest.raises(BadInputError, match="which release are 5 % of the people to get"):
            roll_out(cluster, releases, "", 5)
        with pytest.raises(ReleaseError, match=r"no release 2026-05-09\.1; nothing was changed"):
            roll_out(cluster, releases, "2026-05-09.1", 5)
        assert len(server.applied) == 1


def test_what_the_cluster_refuses_is_said_and_nobody_is_sent_there(releases: str) -> None:
    with api(most=1) as (server, cluster), pytest.raises(BadInputError, match="conflict with kubectl"):
        roll_out(cluster, releases, "2026-05-04.1", 5)
    assert ROUTES not in [path for path, _ in server.applied]
    assert depot.named(releases, "canary") is None
    with api(most=0, code=503) as (_, cluster), pytest.raises(PartUnavailableError, match="503"):
        roll_out(cluster, releases, "2026-05-04.1", 5)


@pytest.mark.parametrize("percent", [0, 5, 100])
def test_a_release_that_may_not_be_a_canary_changes_nothing(tmp_path: Path, percent: int) -> None:
    address = str(tmp_path / "depot")
    for version, estimate in (("2026-05-04.1", NONE), ("2026-05-04.2", WORSE)):
        depot.push(release(tmp_path / "made", version, estimate=estimate), address)
    with api() as (server, cluster):
        with pytest.raises(ReleaseError, match=r"has no estimate of its own policy .* nothing was changed"):
            roll_out(cluster, address, "2026-05-04.1", percent)
        with pytest.raises(ReleaseError, match="surely worse"):
            roll_out(cluster, address, "2026-05-04.2", percent, without_estimate=True)
        assert server.applied == []
        assert (depot.named(address, "canary"), depot.named(address)) == (None, None)
        told = roll_out(cluster, address, "2026-05-04.1", percent, without_estimate=True)
    assert told.endswith(", without an estimate of its policy")
