"""The models of a release in this process, on ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from hidden_gems.core.errors import BadInputError, ReleaseError
from hidden_gems.recommend.deep import DeepAnswer, deep_answer

FEATURES, SCORES = "features", "scores"
"""Names of the ranker's input and output."""
REPOSITORY = "model_repository"
_SILENT = 4  # what onnxruntime has to say comes as an exception; it would also print it


def open_session(path: Path) -> ort.InferenceSession:
    """A session on one thread: two or more hurt on shared cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Node(NamedTuple):
    """An input or output of a graph."""

    name: str
    kind: str  # of ONNX, as tensor(int64)
    shape: tuple[int | str, ...]  # a size that varies is its name


class GraphSession:
    """One model of a model repository, in its highest version.

    Args:
        folder: Of the model, with a folder of a number for each version.

    Raises:
        ReleaseError: If it holds no version.
    """

    def __init__(self, folder: Path) -> None:
        versions = [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
        if not versions:
            raise ReleaseError(f"{folder} holds no version of a model")
        self.version = max(versions)
        self._session = open_session(folder / str(self.version) / "model.onnx")
        self.inputs = tuple(Node(each.name, each.type, tuple(each.shape)) for each in self._session.get_inputs())
        self.outputs = tuple(Node(each.name, each.type, tuple(each.shape)) for each in self._session.get_outputs())

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs by name.

        Raises:
            BadInputError: If an input does not fit the graph, as a row above the last one.
        """
        names = [node.name for node in self.outputs]
        try:
            values = self._session.run(names, dict(inputs))
        except InvalidArgument as error:
            raise BadInputError("an input does not fit the model: a row may be above the last one") from error
        return dict(zip(names, values, strict=True))


class DeepSession:
    """The served graph of a release; see `recommend.deep.DeepModels`.

    Args:
        release: Folder of the release.
        names: Models in the order of the rows of its scores.
    """

    def __init__(self, release: Path, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._graph = GraphSession(release / REPOSITORY / "deep")

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> DeepAnswer:
        """Answer the inputs that `recommend.deep.deep_inputs` made."""
        return deep_answer(self._graph(inputs))


class RankerSession:
    """LambdaMART of a release as ONNX trees; see `recommend.answering.Ranker`."""

    def __init__(self, release: Path) -> None:
        self._session = open_session(release / "ranker" / "lambdamart.onnx")

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score of each vector, n X 60 gives n."""
        [scores] = self._session.run([SCORES], {FEATURES: vectors})
        return np.asarray(scores, dtype=np.float32)
