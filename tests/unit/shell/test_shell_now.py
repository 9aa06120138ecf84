from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.streaming.broker import MemoryBroker
from inference.collector.service import make_app
from inference.collector.settings import CollectorSettings
from inference.shell.now import now_header


@pytest.mark.parametrize(("clock", "told"), [("1777910400,0,0", "2026-05-04T16:00:00+00:00"), ("", None)])
def test_the_collector_tells_a_time_that_is_not_the_machine_s(tmp_path: Path, clock: str, told: str | None) -> None:
    settings = CollectorSettings(home=tmp_path, clock=clock)
    app = make_app(MemoryBroker().producer(), MemoryKeyValue(), settings, broker_answers=lambda: True)
    with TestClient(app) as client:
        for path in ("/healthz", "/nowhere"):
            assert client.get(path).headers.get("x-gems-now") == told


def test_the_machine_s_time_needs_no_header() -> None:
    assert now_header(None) == ()
