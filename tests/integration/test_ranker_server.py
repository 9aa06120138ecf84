"""The ranker as a process, with a real Redis that comes and goes."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.cli.processes import redis_server
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.features.arm_context import arm_context
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.state import prior_state, publish
from hidden_gems.steps.learning import SAMPLE
from inference.shell.client import Predictor
from tests.integration.chain import Chain
from tests.integration.servers import Server, as_json, asking, running

MODULE = "inference.ranker"
MAY_4 = 1_777_852_800


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranker")


@pytest.fixture(scope="module")
def redis(folder: Path) -> Iterator[str]:
    with redis_server(folder / "redis") as address:
        yield address


@pytest.fixture(scope="module")
def server(chain: Chain, folder: Path, redis: str) -> Iterator[Server]:
    environment = {"GEMS_REDIS": redis, "GEMS_CLOCK": f"{MAY_4},1"}
    with running(MODULE, chain.folder, folder, environment) as started:
        yield started


@pytest.fixture(scope="module")
def vectors(chain: Chain) -> NDArray[np.float32]:
    return np.asarray(np.load(chain.parts.ranker / SAMPLE)["vectors"], dtype=np.float32)


def inputs(chain: Chain, vectors: NDArray[np.float32], n: int) -> dict[str, Any]:
    ids = [str(name).encode() for name in chain.dataset.items["item_id"]]
    return {"x": vectors[:n], "item_ids": np.array([ids[i % len(ids)] for i in range(n)], dtype=object)}


def told(server: Server, asked: dict[str, Any], **parameters: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return asking(server, "ranker", lambda ranker: ranker.call(asked, parameters), timeout_seconds=10.0)


@pytest.mark.parametrize("n", [0, 1, 100, 500])
def test_it_scores_as_lightgbm_and_believes_as_the_prior(
    server: Server, chain: Chain, vectors: NDArray[np.float32], n: int
) -> None:
    asked = inputs(chain, vectors, n)
    outputs, said = told(server, asked)
    assert said == {"release": chain.releases[0].name, "state_version": 0}
    trees = LambdaMART.load(chain.releases[0] / "ranker")
    np.testing.assert_allclose(outputs["score"], trees.score(asked["x"]), atol=1e-5)
    ids = [each.decode() for each in asked["item_ids"]]
    mean, spread = prior_state(chain.releases[0]).belief(ids, arm_context(asked["x"]))
    np.testing.assert_allclose(outputs["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(outputs["spread"], spread, rtol=1e-6)
    assert {values.dtype for values in outputs.values()} == {np.dtype(np.float32)}


def test_contributions_come_when_asked(server: Server, chain: Chain, vectors: NDArray[np.float32]) -> None:
    asked = inputs(chain, vectors, 10)
    outputs, _ = told(server, asked, contributions=True)
    expected = LambdaMART.load(chain.releases[0] / "ranker").contributions(asked["x"])
    np.testing.assert_array_equal(outputs["contributions"], expected)
    assert outputs["contributions"].shape == (10, len(FEATURE_NAMES) + 1)
    np.testing.assert_allclose(outputs["contributions"].sum(axis=1), outputs["score"], atol=1e-5)


def test_http_answers_the_same(server: Server, chain: Chain, vectors: NDArray[np.float32]) -> None:
    asked = inputs(chain, np.nan_to_num(vectors), 3)
    outputs, _ = told(server, asked)
    texts = {**asked, "item_ids": np.array([each.decode() for each in asked["item_ids"]], dtype=object)}
    answer = httpx.post(f"{server.url}/v2/models/ranker/infer", json=as_json(texts))
    assert answer.status_code == 200
    for output in answer.json()["outputs"]:
        np.testing.assert_allclose(output["data"], outputs[output["name"]], rtol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    ({"x": np.zeros((2, 59), dtype=np.float32)}, "x: expected the shape [n, 60] with 60 = 60, got 59"),
    ({"item_ids": np.array(["a"], dtype=object)}, "item_ids: expected the shape [n] with n = 2, got 1"),
    ({"item_ids": np.array([1, 2])}, "item_ids: expected BYTES, got INT64"),
])  # fmt: skip
def test_wrong_input_is_told_by_name(server: Server, change: dict[str, Any], message: str) -> None:
    good = {"x": np.zeros((2, 60), dtype=np.float32), "item_ids": np.array(["a", "b"], dtype=object)}
    answer = httpx.post(f"{server.url}/v2/models/ranker/infer", json=as_json({**good, **change}))
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_it_tells_its_time_and_listens_on_loopback_only(server: Server) -> None:
    answer = httpx.get(f"{server.url}/v2/health/ready")
    now = datetime.fromisoformat(answer.headers["x-gems-now"]).timestamp()
    assert 0 <= now - MAY_4 < 600
    assert httpx.get(f"{server.url}/docs").headers["x-gems-now"]
    assert server.addresses() == {f"127.0.0.1:{server.port}", f"[::ffff:127.0.0.1]:{server.grpc_port}"}


def test_a_new_state_answers_within_a_second_and_the_old_one_while_redis_is_away(
    chain: Chain, vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    asked = inputs(chain, vectors, 3)
    first = asked["item_ids"][0].decode()

    async def until(ranker: Predictor, version: int) -> tuple[dict[str, Any], float]:
        began = time.monotonic()
        async with asyncio.timeout(10):
            while True:
                outputs, said = await ranker.call(asked)
                if said["state_version"] == version:
                    return outputs, time.monotonic() - began
                await asyncio.sleep(0.02)

    async def use(ranker: Predictor) -> None:
        state = prior_state(chain.releases[0])
        with ExitStack() as redis_lives:
            address = redis_lives.enter_context(redis_server(tmp_path / "redis"))
            with running(MODULE, chain.folder, tmp_path, {"GEMS_REDIS": address}) as server:
                ranker.address = f"127.0.0.1:{server.grpc_port}"
                before, _ = await until(ranker, 0)
                state.arms.learn_one(first, exposures=100, reward=1.0)
                state.version = 41
                publish(RedisKeyValue(address), state)
                after, seconds = await until(ranker, 41)
                assert seconds <= 2.0  # 0.5 s between two looks
                assert after["mean"][0] < before["mean"][0]
                np.testing.assert_array_equal(after["mean"][1:], before["mean"][1:])
                assert server.metric("gems_state_version") == 41
                redis_lives.close()
                await asyncio.sleep(1.5)
                without, _ = await until(ranker, 41)
                np.testing.assert_array_equal(without["mean"], after["mean"])
                assert server.log.read_text().count("the known one goes on") == 1

    asking("", "ranker", use, timeout_seconds=5.0)


def test_without_redis_it_starts_with_the_prior(chain: Chain, vectors: NDArray[np.float32], tmp_path: Path) -> None:
    asked = inputs(chain, vectors, 3)
    with running(MODULE, chain.folder, tmp_path, {"GEMS_REDIS": "127.0.0.1:1"}) as server:
        assert told(server, asked)[1]["state_version"] == 0
