import json
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.errors import BadFieldError, PartUnavailableError, ReleaseError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.export.release import load, point
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.features.arm_context import arm_context
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.state import prior_state, publish
from inference.ranker.beliefs import StateFollower
from inference.ranker.service import RankerModel, load_ranking
from inference.shell.release import ReleaseWatcher
from inference.shell.tensors import TensorSpec
from tests.releases import released

N = len(FEATURE_NAMES)
FAR = 3600.0


@pytest.fixture(scope="module")
def trees() -> LambdaMART:
    x = np.random.default_rng(0).normal(size=(300, N)).astype(np.float32)
    return LambdaMART(FEATURE_NAMES).fit(x, (x[:, 0] > 0).astype(np.int64), np.full(20, 15))


def release(folder: Path, trees: LambdaMART, names: list[str] | None = None, rate: float = 0.25) -> Path:
    def fill(draft: Path) -> None:
        trees.save(draft / "ranker")
        export_lambdamart(trees, draft / "ranker" / "lambdamart.onnx")
        (draft / "ranker" / "features.json").write_text(json.dumps(list(names or FEATURE_NAMES)))
        (draft / "policy").mkdir()
        arms = {"successes": np.array([rate, rate, 2 * rate]) * 4, "failures": np.array([1 - rate] * 3) * 4}
        np.savez(draft / "policy" / "arms.npz", item_ids=np.array(["", "g1", "g2"]), **arms)

    return released(folder, fill)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trees: LambdaMART) -> Path:
    folder = tmp_path_factory.mktemp("releases")
    release(folder, trees)
    point(folder, "stable", "2026-05-04.1")
    return folder


def serving(folder: Path, keys: MemoryKeyValue) -> RankerModel:
    watcher = ReleaseWatcher(folder, "stable", load_ranking, poll_seconds=FAR).start()
    return RankerModel(watcher, StateFollower(keys, FAR).start())


def asked(n: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    x = np.random.default_rng(1).normal(size=(n, N)).astype(np.float32)
    x[:, 5] = np.nan
    return {"x": x, "item_ids": np.array([f"g{i}".encode() for i in range(n)], dtype=object)}


@pytest.mark.parametrize("n", [0, 1, 5])
def test_scores_and_beliefs_before_anything_was_learned(folder: Path, trees: LambdaMART, n: int) -> None:
    model, inputs = serving(folder, MemoryKeyValue()), asked(n)
    outputs, said = model.infer(inputs, {})
    assert said == {"release": "2026-05-04.1", "state_version": 0}
    assert {name: (values.dtype, values.shape) for name, values in outputs.items()} == dict.fromkeys(
        ("score", "mean", "spread"), (np.float32, (n,))
    )
    np.testing.assert_allclose(outputs["score"], trees.score(inputs["x"]), atol=1e-5)
    prior = prior_state(folder / "2026-05-04.1")
    mean, spread = prior.belief([f"g{i}" for i in range(n)], arm_context(inputs["x"]))
    np.testing.assert_allclose(outputs["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(outputs["spread"], spread, rtol=1e-6)
    if n == 5:
        assert outputs["mean"][2] > outputs["mean"][1] == pytest.approx(0.25)
        unsure = prior.arms.belief([f"g{i}" for i in range(n)])[1]
        assert unsure[3] > unsure[1]  # nobody knows g3
        assert (outputs["spread"] > unsure).all()  # nor what the context of any of them means


def test_texts_of_ids_may_come_as_text(folder: Path) -> None:
    model, inputs = serving(folder, MemoryKeyValue()), asked(3)
    texts = {**inputs, "item_ids": np.array([value.decode() for value in inputs["item_ids"]], dtype=object)}
    np.testing.assert_array_equal(model.infer(inputs, {})[0]["mean"], model.infer(texts, {})[0]["mean"])
    broken = {**inputs, "item_ids": np.array([b"g0", b"\xff", b"g2"], dtype=object)}
    with pytest.raises(BadFieldError, match="item_ids: an id is not UTF-8"):
        model.infer(broken, {})


def test_what_was_learned_replaces_the_prior(folder: Path) -> None:
    keys = MemoryKeyValue()
    model, inputs = serving(folder, keys), asked(3)
    before, _ = model.infer(inputs, {})
    state = prior_state(folder / "2026-05-04.1")
    state.arms.learn_one("g1", exposures=50, reward=1.0)
    state.version = 12
    publish(keys, state)
    assert model.infer(inputs, {})[1]["state_version"] == 0
    assert model._follower.check() is True
    after, said = model.infer(inputs, {})
    assert said["state_version"] == 12
    assert after["mean"][1] < before["mean"][1]
    assert after["spread"][1] < before["spread"][1]
    np.testing.assert_array_equal(after["mean"][[0, 2]], before["mean"][[0, 2]])
    np.testing.assert_array_equal(after["score"], before["score"])


def test_who_stays_with_the_release_gets_its_priors(folder: Path) -> None:
    keys = MemoryKeyValue()
    state = prior_state(folder / "2026-05-04.1")
    state.arms.learn_one("g1", exposures=50, reward=1.0)
    state.version = 12
    before, said_before = serving(folder, MemoryKeyValue()).infer(asked(3), {})
    publish(keys, state)
    model = serving(folder, keys)
    static, said = model.infer(asked(3), {"online": False})
    assert said == said_before
    for name, values in before.items():
        np.testing.assert_array_equal(static[name], values)
    assert model.infer(asked(3), {"online": True})[1]["state_version"] == 12
    with pytest.raises(BadFieldError, match=r"parameters\.online"):
        model.infer(asked(3), {"online": "no"})


def test_contributions_add_up_to_the_score(folder: Path) -> None:
    model, inputs = serving(folder, MemoryKeyValue()), asked(4)
    outputs, _ = model.infer(inputs, {"contributions": True})
    assert (outputs["contributions"].dtype, outputs["contributions"].shape) == (np.float64, (4, N + 1))
    np.testing.assert_allclose(outputs["contributions"].sum(axis=1), outputs["score"], atol=1e-5)
    assert "contributions" not in model.infer(inputs, {"contributions": False})[0]
    with pytest.raises(BadFieldError, match=r"parameters\.contributions: expected true or false"):
        model.infer(inputs, {"contributions": "yes"})


def test_a_booster_that_is_not_there_is_unavailable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr("inference.ranker.service.CONTRIBUTIONS_SECONDS", 0.01)
    ranking = replace(load_ranking(folder / "2026-05-04.1", load(folder / "2026-05-04.1")), booster=Future())
    with pytest.raises(PartUnavailableError, match="explanations is unavailable") as caught:
        ranking.contributions(asked(1)["x"])
    assert caught.value.part == "explanations"


def test_a_release_is_asked_for_by_name(folder: Path) -> None:
    model = serving(folder, MemoryKeyValue())
    assert model.infer(asked(1), {"release": "2026-05-04.1"})[1]["release"] == "2026-05-04.1"
    with pytest.raises(PartUnavailableError, match="does not hold"):
        model.infer(asked(1), {"release": "2026-05-04.2"})


def test_a_release_of_other_features_is_refused(tmp_path: Path, trees: LambdaMART) -> None:
    path = release(tmp_path, trees, names=[*FEATURE_NAMES[1:], FEATURE_NAMES[0]])
    with pytest.raises(ReleaseError, match="was trained on other features"):
        load_ranking(path, load(path))


def test_what_it_takes_and_gives(folder: Path) -> None:
    model = serving(folder, MemoryKeyValue())
    assert model.specs({}) == (
        TensorSpec("x", "FP32", ("n", 60), missing=True), TensorSpec("item_ids", "BYTES", ("n",)),
    )  # fmt: skip
    assert [spec.name for spec in model.outputs()] == ["score", "mean", "spread"]
    assert (model.name, model.ready) == ("ranker", True)


def test_the_follower_reads_by_itself(folder: Path) -> None:
    keys, state = MemoryKeyValue(), prior_state(folder / "2026-05-04.1")
    follower = StateFollower(keys, 0.01).start()
    assert follower.state is None
    state.version = 3
    publish(keys, state)
    deadline = time.monotonic() + 5
    while follower.state is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert follower.state is not None
    assert follower.state.version == 3
    follower.stop()
    state.version = 4
    publish(keys, state)
    time.sleep(0.05)
    assert follower.state.version == 3


class Away(MemoryKeyValue):
    """A store that is away while `away`."""

    away = False

    def get(self, keys: object) -> list[bytes | None]:
        if self.away:
            raise PartUnavailableError("features", "nobody listens")
        return super().get(keys)  # type: ignore[arg-type]


def test_a_store_that_is_away_changes_nothing_and_is_logged_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys, state = Away(), prior_state(folder / "2026-05-04.1")
    state.version = 1
    publish(keys, state)
    follower = StateFollower(keys, FAR)
    assert follower.check() is True
    keys.away = True
    with caplog.at_level("INFO", logger="gems"):
        assert [follower.check() for _ in range(3)] == [False] * 3
        assert caplog.text.count("the known one goes on") == 1
        assert follower.state is not None
        keys.away = False
        assert follower.check() is False
        assert caplog.text.count("is followed again") == 1
    state.version = 2
    publish(keys, state)
    assert follower.check() is True
    assert follower.state.version == 2


def test_a_torn_state_changes_nothing(folder: Path) -> None:
    keys, state = MemoryKeyValue(), prior_state(folder / "2026-05-04.1")
    state.version = 1
    publish(keys, state)
    follower = StateFollower(keys, FAR).start()
    state.version = 2
    publish(keys, state)
    keys.put({"online:state": b"torn"})
    assert follower.check() is False
    assert follower.state is not None
    assert follower.state.version == 1
