"""The models of a release's model repository on ONNX Runtime, behind the protocol that Triton speaks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hidden_gems.core.errors import ReleaseError
from hidden_gems.export.release import Release
from hidden_gems.export.sessions import REPOSITORY, GraphSession, Node
from inference.shell.release import ReleaseWatcher
from inference.shell.tensors import Parameters, TensorModel, Tensors, TensorSpec

TYPES = {"tensor(int64)": "INT64", "tensor(float)": "FP32", "tensor(double)": "FP64"}
NUMPY = {"INT64": np.int64, "FP32": np.float32, "FP64": np.float64}
WARM_UP_SIZES = (0, 1, 2)

Graphs = dict[str, GraphSession]


class GraphModel(TensorModel):
    """One model of the repository, whatever its inputs.

    The request parameter `release` asks for a release: the pointed one or the one before. Without it the pointed one
    answers; the response names it either way.
    """

    def __init__(self, name: str, watcher: ReleaseWatcher[Graphs]) -> None:
        super().__init__(name)
        self._watcher = watcher
        self.ready = True

    def specs(self, parameters: Parameters) -> Sequence[TensorSpec]:
        """The inputs of the graph."""
        return _specs(self._graph(parameters)[1].inputs)

    def outputs(self) -> Sequence[TensorSpec]:
        """The outputs of the graph."""
        return _specs(self._graph({})[1].outputs)

    def infer(self, inputs: Tensors, parameters: Parameters) -> tuple[Tensors, Parameters]:
        """Run the graph."""
        version, graph = self._graph(parameters)
        return graph(inputs), {"release": version}

    def _graph(self, parameters: Parameters) -> tuple[str, GraphSession]:
        asked = parameters.get("release")
        held = self._watcher.of(None if asked is None else str(asked))
        if self.name not in held.value:
            raise ReleaseError(f"release {held.version} has no model {self.name!r}")
        return held.version, held.value[self.name]


def _specs(nodes: Sequence[Node]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(node.name, TYPES[node.kind], node.shape) for node in nodes)


def load_graphs(folder: Path, release: Release) -> Graphs:
    """Every model of a release, each tried on inputs of several sizes.

    Raises:
        ReleaseError: If there is none, or one takes what we do not serve, or one does not answer.
    """
    graphs = {path.name: GraphSession(path) for path in sorted((folder / REPOSITORY).iterdir()) if path.is_dir()}
    if not graphs:
        raise ReleaseError(f"release {release.version} has no model to serve")
    for name, graph in graphs.items():
        unknown = [node.kind for node in (*graph.inputs, *graph.outputs) if node.kind not in TYPES]
        if unknown:
            raise ReleaseError(f"release {release.version}: model {name!r} has a {unknown[0]}, which is not served")
        for size in WARM_UP_SIZES:
            _try(name, graph, size)
    return graphs


def _try(name: str, graph: GraphSession, size: int) -> None:
    zeros = {
        spec.name: np.zeros([side if isinstance(side, int) else size for side in spec.shape], NUMPY[spec.datatype])
        for spec in _specs(graph.inputs)
    }
    for output, values in graph(zeros).items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ReleaseError(f"model {name!r} answers {output!r} with a number that is not finite")
