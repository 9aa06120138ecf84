"""The deep server as a process, over both of its protocols."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from kserve import InferenceGRPCClient
from kserve.protocol.grpc.grpc_predict_v2_pb2 import RepositoryModelLoadRequest, RepositoryModelUnloadRequest

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.export.release import point, pointed
from hidden_gems.export.sessions import DeepSession, GraphSession
from hidden_gems.features.context import CONTEXT_NAMES
from inference.shell.breaker import Breaker
from inference.shell.client import Predictor
from inference.shell.deadline import Deadline
from tests.integration.chain import DEEP_NAMES, Chain
from tests.integration.servers import ATTRIBUTES, PYTHON, Server, as_json, asking, request, running

MODULE = "inference.deep"


@pytest.fixture(scope="module")
def releases(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of one's own, for tests that move the pointer."""
    folder = tmp_path_factory.mktemp("deep") / "releases"
    shutil.copytree(chain.folder, folder)
    point(folder, "stable", chain.releases[0].name)
    return folder


@pytest.fixture(autouse=True)
def _stable_again(releases: Path, chain: Chain) -> Iterator[None]:
    yield
    if pointed(releases) != releases / chain.releases[0].name:
        point(releases, "stable", chain.releases[0].name)


@pytest.fixture(scope="module")
def server(releases: Path) -> Iterator[Server]:
    with running(MODULE, releases, releases.parent, arguments=("--http_port", "1", "--grpc_port", "2")) as started:
        yield started


def post(server: Server, body: Any, path: str = "/v2/models/deep/infer", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(server.url + path, content=content, headers={"content-type": "application/json", **headers})


# --- answers


@pytest.mark.parametrize("n", [0, 1, 7, 300, 2_000])
def test_both_protocols_answer_as_the_graph_in_process(server: Server, chain: Chain, n: int) -> None:
    inputs = request(n, user=3, seed=n)
    expected = DeepSession(chain.releases[0], DEEP_NAMES)(inputs)
    outputs, said = asking(server, "deep", lambda deep: deep.call(inputs))
    assert said == {"release": chain.releases[0].name}
    np.testing.assert_array_equal(outputs["scores"], expected.scores)
    np.testing.assert_array_equal(outputs["attention"][0], expected.attention)
    np.testing.assert_array_equal(outputs["vector"][0], expected.vector)
    answer = post(server, as_json(inputs)).json()
    assert answer["parameters"] == said
    assert answer["outputs"][0]["shape"] == [len(DEEP_NAMES), n]
    np.testing.assert_allclose(answer["outputs"][0]["data"], expected.scores.ravel(), rtol=1e-6)


def test_every_model_beside_the_served_graph_answers(server: Server, chain: Chain) -> None:
    one = request(5, user=2)
    deep, _ = asking(server, "deep", lambda deep: deep.call(one))
    for row, name in enumerate(DEEP_NAMES):
        outputs, _ = asking(server, name, lambda model: model.call(one))
        expected = GraphSession(chain.releases[0] / "model_repository" / name)(one)["scores"]
        np.testing.assert_array_equal(outputs["scores"], expected)
        np.testing.assert_allclose(deep["scores"][row], outputs["scores"][0], atol=1e-4)


def test_an_empty_history_is_answered_as_padding(server: Server) -> None:
    one = request(5, user=2)
    empty = one | {name: one[name][:, :0] for name in ("history", "ages")}
    padding = one | {name: np.zeros_like(one[name][:, :1]) for name in ("history", "ages")}
    first, second = (asking(server, "deep", lambda deep, each=each: deep.call(each))[0] for each in (empty, padding))
    np.testing.assert_allclose(first["scores"], second["scores"], atol=1e-6)
    assert (first["attention"].shape, second["attention"].tolist()) == ((1, 0), [[0.0]])


def test_it_describes_its_models(server: Server) -> None:
    about = httpx.get(f"{server.url}/v2/models/deep").json()
    assert [(each["name"], each["datatype"], each["shape"]) for each in about["inputs"]] == [
        ("user", "INT64", [1]), ("rows", "INT64", [-1]), ("context", "FP32", [1, len(CONTEXT_NAMES)]),
        ("history", "INT64", [1, -1]), ("ages", "FP32", [1, -1]), ("new", "FP32", [-1, ATTRIBUTES]),
    ]  # fmt: skip
    outputs = {each["name"]: each["shape"] for each in about["outputs"]}
    assert (outputs["scores"], outputs["attention"]) == ([len(DEEP_NAMES), -1], [1, -1])
    assert len(outputs["vector"]) == 2
    assert sorted(httpx.get(f"{server.url}/v1/models").json()["models"]) == sorted(["deep", *DEEP_NAMES])


def test_it_starts_quickly_and_on_loopback_only(server: Server) -> None:
    began = time.monotonic()  # what it imports takes its time on a slow machine; the rest must not
    subprocess.run([sys.executable, "-c", "import inference.deep.service"], check=True)
    assert server.start_seconds <= time.monotonic() - began + 5.0
    assert server.addresses() == {f"127.0.0.1:{server.port}", f"[::ffff:127.0.0.1]:{server.grpc_port}"}


# --- wrong input

GOOD = request(3)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rows": np.array([0, -1])}, "rows: a number is below 0"),
    ({"user": np.array([-1])}, "user: a number is below 0"),
    ({"rows": np.array([0, 10**9])}, "an input does not fit the model: a row may be above the last one"),
    ({"user": np.array([10**9])}, "an input does not fit the model: a row may be above the last one"),
    ({"rows": np.zeros(2_001, dtype=np.int64)}, "rows: n must be 0 to 2,000, got 2001"),
    ({"user": np.array([1, 2])}, "user: expected the shape [1] with 1 = 1, got 2"),
    ({"rows": np.array([1.0], dtype=np.float32)}, "rows: expected INT64, got FP32"),
    ({"context": np.zeros((1, 12), dtype=np.float32)}, "context: expected the shape [1, 21] with 21 = 21, got 12"),
    (
        {"history": np.array([[3, 10**9]]), "ages": np.ones((1, 2), dtype=np.float32)},
        "an input does not fit the model: a row may be above the last one",
    ),
    ({"history": np.array([[3, -1]]), "ages": np.ones((1, 2), dtype=np.float32)}, "history: a number is below 0"),
    ({"ages": np.ones((1, 2), dtype=np.float32)}, "ages: expected the shape [1, L] with L = 20, got 2"),
    ({"more": np.array([1])}, "more: there is no such input; expected ages, context, history, new, rows, user"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_input_is_told_by_name_in_both_protocols(server: Server, change: dict[str, Any], message: str) -> None:
    inputs = {**GOOD, **change}
    answer = post(server, as_json(inputs))
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)

    async def refused(deep: Predictor) -> None:
        with pytest.raises(PartUnavailableError) as caught:
            await deep.call(inputs)
        error = caught.value.__cause__
        assert isinstance(error, grpc.aio.AioRpcError)
        assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, message)
        assert not deep.breaker.open

    asking(server, "deep", refused, breaker=Breaker(failures=1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_contexts_must_be_finite(server: Server, value: float) -> None:
    inputs = {**GOOD, "context": np.full((1, 13), value, dtype=np.float32)}

    async def refused(deep: Predictor) -> None:
        with pytest.raises(PartUnavailableError, match="invalid_argument"):
            await deep.call(inputs)

    asking(server, "deep", refused)


@pytest.mark.parametrize(("body", "headers", "status", "code"), [
    (b"{", {}, 400, "bad_request"),
    (b"[1]", {}, 400, "bad_request"),
    (b"", {}, 400, "bad_request"),
    (b"[" * 30_000, {}, 400, "bad_request"),
    (b'{"inputs": [{"name": "user"}]}', {}, 400, "bad_request"),
    (b'{"inputs": 1}', {}, 400, "bad_request"),
    (b"\xff\xfe", {}, 400, "bad_request"),
    (b"{}", {"content-type": "text/plain"}, 415, "json_only"),
    (b"{}", {"content-encoding": "gzip"}, 415, "json_only"),
    (b" " * (64 * 1024 + 1), {}, 413, "too_large"),
])  # fmt: skip
def test_bodies_that_are_no_request(
    server: Server, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = post(server, body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text
    assert "kserve" not in answer.text.lower()
    assert post(server, as_json(GOOD)).status_code == 200


def test_a_body_without_a_length_is_counted_while_it_comes(server: Server) -> None:
    def dripping() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    answer = httpx.post(
        f"{server.url}/v2/models/deep/infer", content=dripping(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


def test_a_charset_and_cloud_event_headers_do_no_harm(server: Server) -> None:
    kind = {"content-type": "application/json; charset=utf-8", "ce-id": "1", "ce-source": "x", "ce-specversion": "1.0"}
    answer = post(server, as_json(GOOD), **kind, **{"ce-type": "x"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("ce-")]


@pytest.mark.parametrize(("path", "body", "status"), [
    ("/v2/models/nobody/infer", as_json(GOOD), 404), ("/v1/models/deep:predict", {"instances": [1]}, 400),
    ("/v1/models/deep:explain", {"instances": [1]}, 501),
])  # fmt: skip
def test_what_it_does_not_do(server: Server, path: str, body: Any, status: int) -> None:
    answer = post(server, body, path, cookie="secret", authorization="Bearer secret")
    assert answer.status_code == status
    assert "secret" not in str(answer.headers) + answer.text


def test_an_oversized_grpc_message_is_refused(server: Server) -> None:
    async def refused(deep: Predictor) -> None:
        with pytest.raises(PartUnavailableError, match="resource_exhausted"):
            await deep.call({**GOOD, "rows": np.zeros(10_000, dtype=np.int64)})

    asking(server, "deep", refused)


# --- nothing is loaded or unloaded from outside


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_repository_routes_are_closed(server: Server, verb: str) -> None:
    answer = post(server, {}, f"/v2/repository/models/deep/{verb}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    async def refused() -> grpc.StatusCode:
        async with InferenceGRPCClient(f"127.0.0.1:{server.grpc_port}", retries=0) as client:
            stub = client._client_stub
            call, message = {
                "load": (stub.RepositoryModelLoad, RepositoryModelLoadRequest(model_name="deep")),
                "unload": (stub.RepositoryModelUnload, RepositoryModelUnloadRequest(model_name="deep")),
            }[verb]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(message)
            return caught.value.code()

    assert asyncio.run(refused()) is grpc.StatusCode.NOT_FOUND
    assert post(server, as_json(GOOD)).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/v2/repository/index", "/redoc"])
def test_documentation_routes_are_closed(server: Server, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 404


# --- time


def test_a_request_without_time_left_does_not_ask(server: Server) -> None:
    async def use(deep: Predictor) -> None:
        with pytest.raises(PartUnavailableError, match="no_time"):
            await deep.call(GOOD, deadline=Deadline.after(0.0))
        assert deep.breaker.allows()
        await deep.call(GOOD, deadline=Deadline.after(30.0))

    asking(server, "deep", use, breaker=Breaker(failures=1))


def test_a_call_that_is_cancelled_is_nobodys_failure(server: Server) -> None:
    async def use(deep: Predictor) -> None:
        await deep.call(GOOD)
        task = asyncio.ensure_future(deep.call(request(2_000)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not deep.breaker.open
        await deep.call(GOOD)

    asking(server, "deep", use, breaker=Breaker(failures=1))


# --- releases


def test_the_pointer_moves_under_load_without_a_failed_answer(server: Server, releases: Path, chain: Chain) -> None:
    first, second = (path.name for path in chain.releases)

    async def load(deep: Predictor) -> list[str]:
        seen, ended = [], asyncio.Event()

        async def one() -> None:
            while not ended.is_set():
                _, said = await deep.call(GOOD)
                seen.append(str(said["release"]))

        async def move() -> None:
            for version in (second, first, second, first):
                point(releases, "stable", version)
                while seen[-1:] != [version]:
                    await asyncio.sleep(0.01)
            ended.set()

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(one())
            group.create_task(move())
        return seen

    seen = asking(server, "deep", load, timeout_seconds=5.0)
    assert {first, second} == set(seen)
    assert len(seen) > 50


def test_both_releases_answer_after_the_pointer_has_moved(server: Server, releases: Path, chain: Chain) -> None:
    first, second = (path.name for path in chain.releases)

    async def use(deep: Predictor) -> list[Any]:
        point(releases, "stable", second)
        while not await deep.answers(request(0), {"release": second}):
            await asyncio.sleep(0.02)
        said = [(await deep.call(GOOD, {"release": version}))[1]["release"] for version in (first, second)]
        with pytest.raises(PartUnavailableError, match="deep is unavailable: unavailable"):
            await deep.call(GOOD, {"release": "2020-01-01.1"})
        return said

    assert asking(server, "deep", use) == [first, second]


def test_a_release_with_a_wrong_hash_is_refused_and_the_old_one_goes_on(
    server: Server, releases: Path, chain: Chain
) -> None:
    first = chain.releases[0].name
    while post(server, as_json(GOOD)).json()["parameters"] != {"release": first}:
        time.sleep(0.05)
    shutil.copytree(releases / first, releases / "2030-01-01.1")
    before = server.metric("gems_release_refused_total")
    with (releases / "2030-01-01.1" / "model_repository" / "deep" / "1" / "model.onnx").open("ab") as file:
        file.write(b"x")
    (releases / "stable").write_text("2030-01-01.1\n")
    deadline = time.monotonic() + 10
    while server.metric("gems_release_refused_total") == before and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)  # several polls more
    assert server.metric("gems_release_refused_total") == before + 1
    assert post(server, as_json(GOOD)).json()["parameters"] == {"release": first}
    assert server.log.read_text().count("release 2030-01-01.1 is refused") == 1


# --- a part that dies, hangs, or is told to stop


def test_killed_and_started_again(releases: Path, tmp_path: Path) -> None:
    async def use(deep: Predictor) -> None:
        deep.breaker.failures = 3
        with running(MODULE, releases, tmp_path) as server:
            deep.address = f"127.0.0.1:{server.grpc_port}"
            await deep.call(GOOD)
            server.process.kill()
            server.process.wait()
            skipped = 0
            for _ in range(20):
                with pytest.raises(PartUnavailableError) as caught:
                    await deep.call(GOOD)
                skipped += "skipped" in str(caught.value)
            assert skipped == 17
            assert deep.breaker.open
            ports = server.port, server.grpc_port
        with running(MODULE, releases, tmp_path, ports=ports):
            async with asyncio.timeout(5):
                while True:
                    try:
                        await deep.call(GOOD)
                        break
                    except PartUnavailableError:
                        await asyncio.sleep(0.05)
            assert not deep.breaker.open
            await deep.call(GOOD)

    asking("", "deep", use)


def test_a_server_that_hangs_costs_the_limit_and_then_nothing(releases: Path, tmp_path: Path) -> None:
    async def use(deep: Predictor) -> None:
        with running(MODULE, releases, tmp_path) as server:
            deep.address = f"127.0.0.1:{server.grpc_port}"
            assert await deep.answers(GOOD, seconds=5)
            os.kill(server.process.pid, signal.SIGSTOP)
            try:
                began = time.monotonic()
                with pytest.raises(PartUnavailableError, match="deadline_exceeded"):
                    await deep.call(GOOD, deadline=Deadline.after(0.01))
                assert time.monotonic() - began < 1.5
                for _ in range(2):
                    began = time.monotonic()
                    with pytest.raises(PartUnavailableError, match="deadline_exceeded"):
                        await deep.call(GOOD)
                    assert 1.9 <= time.monotonic() - began <= 10.0
                began = time.process_time()  # a millisecond where the machine is quick
                for _ in range(10):
                    with pytest.raises(PartUnavailableError, match="skipped"):
                        await deep.call(GOOD)
                assert time.process_time() - began < 0.5
            finally:
                os.kill(server.process.pid, signal.SIGCONT)

    asking("", "deep", use, timeout_seconds=2.0, breaker=Breaker(failures=3, pause_seconds=60))


def test_told_to_stop_it_finishes_what_it_has_begun(releases: Path, tmp_path: Path) -> None:
    with running(MODULE, releases, tmp_path) as server:
        body = json.dumps(as_json(GOOD)).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            head = "POST /v2/models/deep/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:10])
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            connection.sendall(body[10:])
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


def test_calls_in_flight_over_grpc_are_answered_when_it_stops(releases: Path, tmp_path: Path) -> None:
    told = {"GEMS_GRACE_SECONDS": "30"}  # twenty such calls take longer than the usual grace where others compute, too
    with running(MODULE, releases, tmp_path, told) as server:

        async def use(deep: Predictor) -> None:
            await deep.call(GOOD)
            calls = [asyncio.create_task(deep.call(request(2_000))) for _ in range(20)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            in_flight = [call for call in calls if not call.done()]
            server.process.send_signal(signal.SIGTERM)
            assert len(in_flight) > 5
            for outputs, _ in await asyncio.gather(*in_flight):
                assert outputs["scores"].shape == (len(DEEP_NAMES), 2_000)
            with pytest.raises(PartUnavailableError, match=r"unavailable|cancelled"):
                await again_and_again(deep)

        async def again_and_again(deep: Predictor) -> None:
            until = time.monotonic() + 30.0
            while time.monotonic() < until:
                await deep.call(GOOD)

        asking(server, "deep", use, timeout_seconds=30.0)
        assert server.process.wait(10) == 0


def test_two_servers_do_not_share_a_port(server: Server, releases: Path, tmp_path: Path) -> None:
    from hidden_gems.cli.processes import free_port

    for ports in ((free_port(), server.grpc_port), (server.port, free_port())):
        environment = {
            **os.environ, "GEMS_RELEASES": str(releases), "GEMS_PORT": str(ports[0]), "GEMS_GRPC_PORT": str(ports[1]),
        }  # fmt: skip
        ran = subprocess.run([PYTHON, "-m", MODULE], env=environment, capture_output=True, timeout=120)
        assert ran.returncode != 0
    assert post(server, as_json(GOOD)).status_code == 200


@pytest.mark.parametrize(("environment", "code", "said"), [
    ({"GEMS_RELEASES": "/nowhere"}, 1, "/nowhere/stable names no release: train one first\n"),
    ({"GEMS_PORT": "ten"}, 2, "GEMS_PORT: Input should be a valid integer, unable to parse string as an integer\n"),
    ({"GEMS_ENVIRONMENT": "production"}, 1, "was trained on simulated data: refused in 'production'\n"),
])  # fmt: skip
def test_what_keeps_it_from_starting_is_one_line(
    releases: Path, environment: dict[str, str], code: int, said: str
) -> None:
    told = {**os.environ, "GEMS_RELEASES": str(releases), **environment}
    ran = subprocess.run([PYTHON, "-m", MODULE], env=told, capture_output=True, text=True, timeout=120)
    assert ran.returncode == code
    assert ran.stderr.endswith(said)
    assert ran.stderr.count("\n") == 1
