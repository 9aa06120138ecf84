"""The deep models as ONNX graphs: one served graph `deep` over all of them, and each model beside it."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from hidden_gems.core.errors import BadInputError
from hidden_gems.export.part import Asked
from hidden_gems.export.parts import part_of
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.recommend.deep import DEEP_FEATURES
from hidden_gems.training.saved import AnyDeep

DEEP = "deep"
OPSET = 17
INPUTS = ("user", "rows", "context", "history", "ages", "new")
OUTPUTS = ("scores", "attention", "vector")
VECTOR_OF = ("sasrec", "gru4rec", "graphsage", "ncf", "wide_deep")
"""The person's vector is that of the first of these models that there is."""
_AXES = {
    "rows": {0: "n"},
    "history": {1: "L"},
    "ages": {1: "L"},
    "new": {0: "m"},
    "scores": {1: "n"},
    "attention": {1: "L"},
}


class Deep(nn.Module):
    """Models for one request.

    Notation: K models, n candidates, L events of the history, m gems newer than the release, C and A = width of context
    and attributes, D = width of the vector.

    Args:
        models: By name, in the order of the rows of the scores.
    """

    def __init__(self, models: Mapping[str, AnyDeep]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: part_of(model) for name, model in models.items()})
        self.items = min(len(model.facts) for model in models.values())
        self.speaks = next(name for name in VECTOR_OF if name in models)

    def forward(
        self, user: Tensor, rows: Tensor, context: Tensor, history: Tensor, ages: Tensor, new: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Answer one request.

        Args:
            user: Row of the person, int64, 1.
            rows: Candidates, int64, n; the newer gems follow the last item of the release.
            context: What is known about the request, float32, 1 X C.
            history: Item rows, oldest first, int64, 1 X L.
            ages: How long ago each was, float32, 1 X L.
            new: Attributes of the newer gems, float32, m X A.

        Returns:
            Scores K X n, attention 1 X L, and the person's vector 1 X D.
        """
        asked = Asked(
            user,
            torch.where(rows < self.items, rows, 0),
            context,
            torch.cat([torch.zeros(1, 1, dtype=torch.int64), history], dim=1),  # a GRU over nothing ends the process
            torch.cat([torch.zeros(1, 1), ages], dim=1),
            (rows - (self.items - 1)).clamp(min=0),
            new,
        )
        said = {name: part(asked) for name, part in self.parts.items()}
        attention = [each.attention for each in said.values() if each.attention is not None]
        seen = attention[0] if attention else torch.zeros_like(asked.ages)
        scores = torch.stack([each.scores for each in said.values()])
        return scores, seen[:, 1:] * (history > 0), said[self.speaks].vector


def served_order(models: Mapping[str, AnyDeep]) -> dict[str, AnyDeep]:
    """The models of a release in the order in which they are served.

    Raises:
        BadInputError: If there is none, or one has no place in the served graph.
    """
    unknown = [name for name in models if name not in DEEP_FEATURES]
    if unknown or not models:
        raise BadInputError(f"the served graph holds {', '.join(DEEP_FEATURES)}; got {', '.join(models) or 'nothing'}")
    return {name: models[name] for name in DEEP_FEATURES if name in models}


def export_deep(models: Mapping[str, AnyDeep], folder: Path) -> dict[str, Path]:
    """Write `deep.onnx` over all models, and a graph of each model alone beside it; all take and give the same.

    Args:
        models: Fitted models by name.
        folder: Where the files go; made if it is not there.

    Returns:
        Path of each graph by its name.

    Raises:
        BadInputError: If there is no model, or one has no place in the served graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models = served_order(models)
    graphs = {DEEP: models} | {name: {name: model} for name, model in models.items()}
    return {name: _export(Deep(held).eval(), _sample(held), folder / f"{name}.onnx") for name, held in graphs.items()}


def _sample(models: Mapping[str, AnyDeep]) -> tuple[Tensor, ...]:
    facts = next(iter(models.values())).facts
    two = torch.zeros(2, dtype=torch.int64)
    known = torch.zeros(1, len(CONTEXT_NAMES))
    return (two[:1], two, known, two[None], torch.zeros(1, 2), torch.zeros(2, facts.attributes.shape[1]))


def _export(module: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> Path:
    with warnings.catch_warnings():
        for deprecated in ("You are using the legacy TorchScript-based ONNX export", "The feature will be removed"):
            warnings.filterwarnings("ignore", deprecated, DeprecationWarning)
        warnings.filterwarnings("ignore", category=TracerWarning)  # sizes of one request never vary
        for harmless in ("Constant folding - Only steps=1", "Exporting a model to ONNX with a batch_size other than 1"):
            warnings.filterwarnings("ignore", harmless, UserWarning)
        torch.onnx.export(
            module,
            inputs,
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=_AXES,
            opset_version=OPSET,
            dynamo=False,
        )
    _declare(path, dict(zip(INPUTS, inputs, strict=True)))
    return path


def _declare(path: Path, inputs: Mapping[str, Tensor]) -> None:
    """Name every input again: the exporter leaves out those that no model of this graph reads."""
    model = onnx.load(path)
    used = {value.name: value for value in model.graph.input}
    kinds = {torch.int64: onnx.TensorProto.INT64, torch.float32: onnx.TensorProto.FLOAT}
    del model.graph.input[:]
    for name, value in inputs.items():
        shape = [_AXES.get(name, {}).get(axis, size) for axis, size in enumerate(value.shape)]
        model.graph.input.append(used.get(name, onnx.helper.make_tensor_value_info(name, kinds[value.dtype], shape)))
    onnx.save(model, path)
