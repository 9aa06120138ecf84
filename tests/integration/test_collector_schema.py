"""Whatever fits the collector's description, and much that does not, is answered as described."""

from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hidden_gems.core.clock import WallClock
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.streaming.broker import MemoryBroker
from inference.collector.service import make_app
from inference.collector.settings import CollectorSettings

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> schemathesis.BaseSchema:
    home: Path = tmp_path_factory.mktemp("home")
    app = make_app(
        MemoryBroker().producer(),
        MemoryKeyValue(),
        CollectorSettings(home=home, api_keys="backend:key,admin:key", events_a_minute=10_000_000),
        broker_answers=lambda: True,
        clock=WallClock(),
    )
    return schemathesis.openapi.from_asgi("/openapi.json", app)


OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/v1/tracker.js")}  # nothing to get wrong
NO_SUCH = {("GET", "/v1/erasures/{receipt}")}  # nobody guesses a receipt


# Clients of other tests that reconnect in threads of theirs draw random numbers, too.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
def test_every_call_answers_as_described(described: schemathesis.BaseSchema) -> None:
    operations = {
        (each.method.upper(), each.path): each for each in (found.ok() for found in described.get_all_operations())
    }
    assert len(operations) == 15
    for name, operation in operations.items():
        good = _statuses(operation, GenerationMode.POSITIVE)
        assert any(status < 300 for status in good) is (name not in NO_SUCH), (name, good)
    for name in operations.keys() - OPEN:
        bad = _statuses(operations[name], GenerationMode.NEGATIVE)
        assert any(status in (400, 401) for status in bad), (name, bad)


def _statuses(operation: schemathesis.APIOperation, mode: GenerationMode) -> Counter[int]:
    """How often which status came; every answer has passed the checks."""
    seen: Counter[int] = Counter()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_described(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(headers={"Authorization": "Bearer key"}, checks=CHECKS)
        seen[answer.status_code] += 1

    answers_as_described()
    return seen
