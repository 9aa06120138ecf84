"""The deep models as ONNX graphs: one served graph `deep` over all of them, and each model beside it."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.ncf import NCF
from hidden_gems.training.ncf import NCFRecommender

DEEP, NCF_NAME = "deep", "ncf"
DEEP_MODELS = ("ncf",)
"""Models of the served graph, one row of its scores each."""
OPSET = 17


class _Pairs(nn.Module):
    """NCF with what is known about the items inside: user [B], item [B], context [B, C] to scores [B]."""

    def __init__(self, ncf: NCF, attributes: Tensor) -> None:
        super().__init__()
        self.ncf = ncf
        self.register_buffer("attributes", attributes)

    def forward(self, user: Tensor, item: Tensor, context: Tensor) -> Tensor:
        logits: Tensor = self.ncf(user, item, context, self.get_buffer("attributes")[item])
        return logits


class _Deep(nn.Module):
    """All deep models for one request: user [1], rows [n], context [1, C] to scores [1, n], a row a model."""

    def __init__(self, ncf: _Pairs) -> None:
        super().__init__()
        self.ncf = ncf

    def forward(self, user: Tensor, rows: Tensor, context: Tensor) -> Tensor:
        return torch.stack([self.ncf(user, rows, context)])


def export_deep(model: NCFRecommender, folder: Path) -> dict[str, Path]:
    """Write `deep.onnx` and `ncf.onnx` into `folder`.

    `deep` answers one request: `user` int64 [1], `rows` int64 [n] (candidates, n may be 0), `context` float32 [1, C]
    to `scores` float32 [1, n], in the order of `DEEP_MODELS`. `ncf` scores pairs: `user` int64 [B], `item` int64 [B],
    `context` float32 [B, C] to `scores` float32 [B]. Both read the items' attributes from inside the graph.

    Args:
        model: A fitted model.
        folder: Where the files go; made if it is not there.

    Returns:
        Path of each graph by its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = _Pairs(model.module, torch.from_numpy(model.facts.attributes)).eval()
    row, context = torch.zeros(1, dtype=torch.int64), torch.zeros(1, len(CONTEXT_NAMES))
    two = torch.zeros(2, dtype=torch.int64)
    paths = {DEEP: folder / f"{DEEP}.onnx", NCF_NAME: folder / f"{NCF_NAME}.onnx"}
    _export(
        _Deep(pairs).eval(),
        {"user": row, "rows": two, "context": context},
        {"rows": {0: "n"}, "scores": {1: "n"}},
        paths[DEEP],
    )
    _export(
        pairs,
        {"user": two, "item": two, "context": context.expand(2, -1)},
        {name: {0: "B"} for name in ("user", "item", "context", "scores")},
        paths[NCF_NAME],
    )
    return paths


def _export(module: nn.Module, inputs: dict[str, Tensor], axes: dict[str, dict[int, str]], path: Path) -> None:
    with warnings.catch_warnings():
        for deprecated in ("You are using the legacy TorchScript-based ONNX export", "The feature will be removed"):
            warnings.filterwarnings("ignore", deprecated, DeprecationWarning)
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["scores"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
