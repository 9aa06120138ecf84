"""LambdaMART as an ONNX tree ensemble that decides exactly as LightGBM does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from hidden_gems.core.errors import ParityError
from hidden_gems.export.sessions import FEATURES, SCORES
from hidden_gems.models.lambdamart import LambdaMART

_TREE_OPSET, _OPSET, _IR_VERSION = 3, 17, 8
"""As the opset 17 export of torch: old enough for every Triton that serves it."""

Node = dict[str, Any]


def export_lambdamart(model: LambdaMART, path: Path) -> None:
    """Write the trees as a graph: `features` float32 [n, F] to `scores` float32 [n].

    Thresholds are rounded down to float32, so a float32 feature falls on the same side as with LightGBM's float64
    threshold. A missing value goes LightGBM's way: the learned side where training had missing values, else the side
    of zero. Leaf values are float32, which leaves about 1e-6 of the score.

    Raises:
        ParityError: If a split is of a kind that the ensemble cannot express.
    """
    attributes: dict[str, list[Any]] = {name: [] for name in _NODE_ATTRIBUTES + _LEAF_ATTRIBUTES}
    for tree in model.booster.dump_model()["tree_info"]:
        for node, row in _rows(tree["tree_structure"]):
            _append(attributes, tree["tree_index"], node, row)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", [FEATURES], ["column"], domain="ai.onnx.ml", n_targets=1, **attributes
    )
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [-1])
    graph = helper.make_graph(
        [ensemble, helper.make_node("Reshape", ["column", "shape"], [SCORES])],
        "lambdamart",
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["n", len(model.names)])],
        [helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["n"])],
        [shape],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _TREE_OPSET)]
    exported = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(exported)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(exported.SerializeToString())


_NODE_ATTRIBUTES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes", "nodes_truenodeids",
    "nodes_falsenodeids", "nodes_missing_value_tracks_true",
)  # fmt: skip
_LEAF_ATTRIBUTES = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def _rows(root: Node) -> Iterator[tuple[Node, tuple[int, int, int]]]:
    """Every node with its own number and those of its children, 0 for none."""
    waiting, numbers = [(root, 0)], 1
    while waiting:
        node, number = waiting.pop()
        if "split_feature" not in node:
            yield node, (number, 0, 0)
            continue
        yield node, (number, numbers, numbers + 1)
        waiting += [(node["left_child"], numbers), (node["right_child"], numbers + 1)]
        numbers += 2


def _append(attributes: dict[str, list[Any]], tree: int, node: Node, row: tuple[int, int, int]) -> None:
    number, left, right = row
    leaf = "split_feature" not in node
    split = (0, 0.0, "LEAF", 0) if leaf else _split(node)
    values = (tree, number, split[0], split[1], split[2], left, right, split[3])
    for name, value in zip(_NODE_ATTRIBUTES, values, strict=True):
        attributes[name].append(value)
    if leaf:
        for name, value in zip(_LEAF_ATTRIBUTES, (tree, number, 0, float(node["leaf_value"])), strict=True):
            attributes[name].append(value)


def _split(node: Node) -> tuple[int, float, str, int]:
    """Feature, threshold, mode, and whether a missing value goes left."""
    if node["decision_type"] != "<=" or node["missing_type"] not in ("NaN", "None"):
        raise ParityError(
            f"a split by {node['decision_type']!r} with missing values as {node['missing_type']!r} cannot be exported; "
            "train without categorical features and zero_as_missing"
        )
    threshold = float(node["threshold"])
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    return int(node["split_feature"]), _rounded_down(threshold), "BRANCH_LEQ", int(missing_left)


def _rounded_down(threshold: float) -> float:
    """Largest float32 that is not above `threshold`."""
    with np.errstate(over="ignore"):  # LightGBM's "everything but missing" is the largest float64
        nearest = np.float32(threshold)
    if float(nearest) > threshold:
        nearest = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest)
