"""The models of a release in this process, on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Rows
from hidden_gems.export.trees import FEATURES


def open_session(path: Path) -> ort.InferenceSession:
    """A session on one thread: two or more hurt on shared cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class DeepSession:
    """The served graph of a release; see `recommend.answering.DeepModels`.

    Args:
        release: Folder of the release.
        names: Models in the order of the rows of its scores.
    """

    def __init__(self, release: Path, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._session = open_session(release / "model_repository" / "deep" / "1" / "model.onnx")

    def __call__(self, user: int, rows: Rows, context: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of n candidates by each model, names X n."""
        feed = {"user": np.array([user], dtype=np.int64), "rows": rows, "context": context}
        [scores] = self._session.run(["scores"], feed)
        return np.asarray(scores, dtype=np.float32)


class RankerSession:
    """LambdaMART of a release as ONNX trees; see `recommend.answering.Ranker`."""

    def __init__(self, release: Path) -> None:
        self._session = open_session(release / "ranker" / "lambdamart.onnx")

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score of each vector, n X 60 gives n."""
        [scores] = self._session.run(["scores"], {FEATURES: vectors})
        return np.asarray(scores, dtype=np.float32)
