"""Pipelines are started and scheduled through KFP's own client, against a server that takes down what it is asked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError, StepFailedError


class Kfp(ThreadingHTTPServer):
    """Remembers pipelines, versions and schedules as the API of KFP 2 does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.pipelines: dict[str, list[str]] = {}  # versions by name
        self.schedules: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.deleted: list[str] = []


class _Api(BaseHTTPRequestHandler):
    server: Kfp

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _say(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/experiments"):
            self._say({"experiments": [{"experiment_id": "e1", "display_name": "hidden-gems"}], "total_size": 1})
        elif path.endswith("/versions"):
            [name] = [name for name in self.server.pipelines if f"/{name}/" in path]
            found = [{"pipeline_id": name, "pipeline_version_id": each} for each in self.server.pipelines[name]]
            self._say({"pipeline_versions": found, "total_size": len(found)})
        elif path.endswith("/pipelines"):
            found = [{"pipeline_id": name, "display_name": name} for name in self.server.pipelines]
            self._say({"pipelines": found, "total_size": len(found)})
        elif path.endswith("/recurringruns"):
            self._say({"recurringRuns": self.server.schedules, "total_size": len(self.server.schedules)})
        else:
            self._say({"experiment_id": "e1", "display_name": "hidden-gems"})

    def do_POST(self) -> None:
        parts, body = urlsplit(self.path), self._body()
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.endswith("/upload"):
            self.server.pipelines[asked["name"]] = ["v1"]
            self._say({"pipeline_id": asked["name"], "display_name": asked["name"]})
        elif parts.path.endswith("/upload_version"):
            versions = self.server.pipelines[asked["pipelineid"]]
            versions.append(f"v{len(versions) + 1}")
            self._say({"pipeline_id": asked["pipelineid"], "pipeline_version_id": versions[-1]})
        elif parts.path.endswith("/recurringruns"):
            made = json.loads(body) | {"recurring_run_id": f"s{len(self.server.schedules) + 1}"}
            self.server.schedules.append(made)
            self._say(made)
        elif parts.path.endswith("/runs"):
            self.server.runs.append(json.loads(body))
            self._say(json.loads(body) | {"run_id": "r1"})
        else:
            self._say({"experiment_id": "e1", "display_name": "hidden-gems"})

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path.rpartition("/")[2])
        self._say({})

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def kfp() -> Iterator[tuple[Kfp, str]]:
    with Kfp() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_run_has_its_parameters_in_their_kinds(kfp: tuple[Kfp, str]) -> None:
    server, host = kfp
    told = ["-p", "seed=3", "-p", "dataset_uri=s3://a/b=c", "-p", "max_rejected_share=0.2"]
    found = CliRunner().invoke(app, ["pipelines", "submit", "training", "--host", host, *told])
    assert found.output.splitlines()[-2:] == [f"Run details: {host}/#/runs/details/r1", "r1"], found.exception
    [run] = server.runs
    assert run["runtime_config"]["parameters"] == {"seed": 3, "dataset_uri": "s3://a/b=c", "max_rejected_share": 0.2}
    assert run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "hidden-gems-training"
    assert run["experiment_id"] == "e1"


def test_a_schedule_has_six_fields_one_run_at_a_time_and_replaces_the_one_before(kfp: tuple[Kfp, str]) -> None:
    server, host = kfp
    for cron in ("0 0 3 * * 1", "0 30 2 * * *"):
        told = ["pipelines", "schedule", "materialization", "--cron", cron, "--host", host, "-p", "redis=r:6379"]
        assert CliRunner().invoke(app, told).output.splitlines()[-1].startswith("s")
    first, second = server.schedules
    assert [each["trigger"]["cron_schedule"]["cron"] for each in (first, second)] == ["0 0 3 * * 1", "0 30 2 * * *"]
    for each in (first, second):
        assert (each["max_concurrency"], each["no_catchup"], each["mode"]) == (1, True, "ENABLE")
        assert each["runtime_config"]["parameters"] == {"redis": "r:6379"}
    versions = [each["pipeline_version_reference"]["pipeline_version_id"] for each in (first, second)]
    assert versions == ["v1", "v2"]
    assert server.deleted == ["s1"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            ["submit", "trainin"],
            "there is no pipeline 'trainin'; there are distributed, materialization, preparation, rollout, training",
        ),
        (["submit", "training", "-p", "sed=3"], "-p sed=3: training has the parameters"),
        (["submit", "training", "-p", "seed=three"], "-p seed=three: seed is a number_integer"),
        (["schedule", "training", "--cron", "0 3 * * *"], "--cron has six fields, seconds first"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(told: list[str], said: str) -> None:
    found = CliRunner().invoke(app, ["pipelines", *told])
    assert isinstance(found.exception, BadInputError)
    assert said in str(found.exception)


def test_a_kfp_that_is_not_there() -> None:
    unused_host = "http://127.0.0.1:9"
    found = CliRunner().invoke(app, ["pipelines", "submit", "training", "--host", unused_host])
    assert isinstance(found.exception, StepFailedError)
    assert f"KFP at {unused_host}" in str(found.exception)
