from pathlib import Path

import numpy as np
import onnx
import pytest

from hidden_gems.core.errors import ParityError
from hidden_gems.export.parity import check_trees, open_session
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig

NAMES = tuple(f"feature_{number}" for number in range(4))
QUERIES = np.full(40, 15)


def _rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features 0 and 1 have missing values, 2 and 3 never."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(600, 4)).astype(np.float32)
    label = np.clip(np.round(x.sum(axis=1) / 2 + 1), 0, 5).astype(np.int64)
    x[:, :2][random.random((600, 2)) < 0.2] = np.nan
    return x, label


X, LABEL = _rows(0)


@pytest.fixture(scope="module")
def model() -> LambdaMART:
    return LambdaMART(NAMES).fit(X, LABEL, QUERIES)


@pytest.fixture(scope="module")
def path(model: LambdaMART, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trees") / "new" / "model.onnx"
    export_lambdamart(model, path)
    return path


def _scores(path: Path, x: np.ndarray) -> np.ndarray:
    scores: np.ndarray = open_session(path).run(["scores"], {"features": x})[0]
    return scores


def test_parity_on_other_rows(model: LambdaMART, path: Path) -> None:
    x, _ = _rows(1)
    assert check_trees(model, path, x, QUERIES) <= 1e-5


def test_missing_values_go_the_same_way_in_every_feature(model: LambdaMART, path: Path) -> None:
    for feature in range(4):
        x = np.nan_to_num(_rows(2)[0])
        x[:, feature] = np.nan
        np.testing.assert_allclose(_scores(path, x), model.score(x), atol=1e-5)


def test_values_on_a_threshold_fall_on_the_same_side(model: LambdaMART, path: Path) -> None:
    splits = model.booster.trees_to_dataframe().dropna(subset=["threshold"])
    x = np.zeros((3 * len(splits), 4), dtype=np.float32)
    for place, (name, threshold) in enumerate(zip(splits["split_feature"], splits["threshold"], strict=True)):
        nearest = np.float32(threshold)
        around = [np.nextafter(nearest, np.float32(-9)), nearest, np.nextafter(nearest, np.float32(9))]
        x[3 * place : 3 * place + 3, NAMES.index(name)] = around
    real = np.abs(x).max(axis=1) > 1e-34  # LightGBM reads smaller values as 0
    np.testing.assert_allclose(_scores(path, x[real]), model.score(x[real]), atol=1e-5)


def test_the_file_suits_old_servers_and_is_always_the_same(model: LambdaMART, path: Path, tmp_path: Path) -> None:
    exported = onnx.load(path)
    assert exported.ir_version == 8
    assert {(opset.domain, opset.version) for opset in exported.opset_import} == {("", 17), ("ai.onnx.ml", 3)}
    nodes = {
        attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in exported.graph.node[0].attribute
    }
    first = np.array(nodes["nodes_treeids"]) == 0
    assert sorted(np.array(nodes["nodes_nodeids"])[first]) == list(range(first.sum()))
    leaf = np.array(nodes["nodes_modes"]) == b"LEAF"
    assert not np.array(nodes["nodes_truenodeids"])[leaf].any()
    assert not np.array(nodes["nodes_falsenodeids"])[leaf].any()
    export_lambdamart(model, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_trees_without_a_split(tmp_path: Path) -> None:
    model = LambdaMART(NAMES).fit(X[:3], LABEL[:3], np.array([3]))
    export_lambdamart(model, tmp_path / "flat.onnx")
    np.testing.assert_array_equal(_scores(tmp_path / "flat.onnx", X), model.score(X))


def test_another_models_file_is_no_parity(path: Path) -> None:
    other = LambdaMART(NAMES, LambdaMARTConfig(trees=99)).fit(X, LABEL, QUERIES)
    with pytest.raises(ParityError, match="lambdamart: graph and model differ by"):
        check_trees(other, path, X, QUERIES)


def test_a_categorical_split_is_refused(model: LambdaMART, tmp_path: Path) -> None:
    import lightgbm

    x = np.random.default_rng(0).integers(0, 3, size=(600, 4))
    data = lightgbm.Dataset(x, label=x[:, 0] == 1, categorical_feature=[0], params={"verbosity": -1})
    odd = LambdaMART(NAMES)
    odd.booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, num_boost_round=1)
    with pytest.raises(ParityError, match="cannot be exported"):
        export_lambdamart(odd, tmp_path / "odd.onnx")
