"""The real Triton serves the model repository of a release as it is, and answers as everybody else does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.cli.triton import Triton, install_triton, triton_home, triton_server
from hidden_gems.core.errors import HiddenGemsError, PartUnavailableError
from hidden_gems.export.references import REFERENCES
from hidden_gems.export.release import hash_files
from hidden_gems.export.sessions import DeepSession, GraphSession
from hidden_gems.training.saved import load_deep
from inference.shell.client import Predictor
from tests.integration.chain import DEEP_NAMES, Chain
from tests.integration.servers import Server, asking, request, running

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def home() -> Path:
    """Kept between runs: it is large."""
    folder = triton_home()
    try:
        install_triton(folder)
    except HiddenGemsError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="module")
def triton(home: Path, chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    log = tmp_path_factory.mktemp("triton") / "triton.log"
    before = hash_files(chain.releases[0])
    with triton_server(chain.releases[0] / "model_repository", home, log=log) as running_triton:
        yield running_triton
    assert hash_files(chain.releases[0]) == before


@pytest.fixture(scope="module")
def deep(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running("inference.deep", chain.folder, tmp_path_factory.mktemp("deep")) as server:
        yield server


def by_torch(chain: Chain, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    models = {name: load_deep(chain.parts.models / name / "test") for name in DEEP_NAMES}
    return np.stack([REFERENCES[name](model, inputs).scores for name, model in models.items()])


@pytest.mark.parametrize("n", [0, 1, 7, 100, 1_000])
@pytest.mark.parametrize("user", [0, 1, 57])
def test_torch_onnx_our_server_and_triton_agree(chain: Chain, deep: Server, triton: Triton, n: int, user: int) -> None:
    inputs = request(n, user, seed=100 * n + user)
    inputs["rows"] = np.random.default_rng(n).integers(len(chain.dataset.items) + 1, size=n)
    expected = by_torch(chain, inputs)
    assert expected.shape == (len(DEEP_NAMES), n)
    here = DeepSession(chain.releases[0], DEEP_NAMES)(inputs).scores
    ours, _ = asking(deep, "deep", lambda model: model.call(inputs, {"release": chain.releases[0].name}))
    theirs, _ = asking(triton.grpc, "deep", lambda model: model.call(inputs, {"release": chain.releases[0].name}))
    for answer in (here, ours["scores"], theirs["scores"]):
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected, rtol=0, atol=TOLERANCE)
    if n == 1_000:
        assert expected.std() > 100 * TOLERANCE  # else agreement says little


def test_the_models_beside_the_served_graph_agree_too(chain: Chain, deep: Server, triton: Triton) -> None:
    one = request(50, 3)
    here = GraphSession(chain.releases[0] / "model_repository" / "ncf")(one)["scores"]
    for address in (f"127.0.0.1:{deep.grpc_port}", triton.grpc):
        answer, _ = asking(address, "ncf", lambda model: model.call(one))
        np.testing.assert_allclose(answer["scores"], here, rtol=0, atol=TOLERANCE)


def test_a_wrong_row_does_not_take_triton_down(triton: Triton) -> None:
    async def use(model: Predictor) -> None:
        with pytest.raises(PartUnavailableError):
            await model.call({**request(1), "rows": np.array([10**9])})
        outputs, _ = await model.call(request(4))
        assert outputs["scores"].shape == (len(DEEP_NAMES), 4)

    asking(triton.grpc, "deep", use)


def test_what_pip_cannot_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hidden_gems.cli.triton.PACKAGES", (str(tmp_path / "nowhere.whl"),))
    with pytest.raises(HiddenGemsError, match=r"Triton could not be installed: .*nowhere\.whl"):
        install_triton(tmp_path / "triton")
    assert not (tmp_path / "triton" / "installed").exists()


def test_a_repository_it_cannot_serve_is_said(home: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "config.pbtxt").write_text('name: "another"\nbackend: "onnxruntime"\n')
    log = tmp_path / "triton.log"
    server = triton_server(tmp_path, home, log=log)
    with pytest.raises(HiddenGemsError, match="Triton did not start; its log is"):
        server.__enter__()
    assert "another" in log.read_text()
