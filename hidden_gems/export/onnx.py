"""The deep models as ONNX graphs: one served graph `deep` over all of them, and each model beside it."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.ncf import NCF
from hidden_gems.models.wide_deep import WideDeep
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.wide_deep import WideDeepRecommender

DEEP, NCF_NAME = "deep", "ncf"
DEEP_MODELS = ("ncf",)
"""Models of the served graph, one row of its scores each."""
OPSET = 17


class _Pairs(nn.Module):
    """NCF with what is known about the items inside: user [B], item [B], context [B, C] to scores [B].

    With history and ages [B, L], what the person's own visits add is in it.
    """

    def __init__(self, ncf: NCF, attributes: Tensor) -> None:
        super().__init__()
        self.ncf = ncf
        self.register_buffer("attributes", attributes)

    def forward(
        self, user: Tensor, item: Tensor, context: Tensor, history: Tensor | None = None, ages: Tensor | None = None
    ) -> Tensor:
        logits: Tensor = self.ncf(user, item, context, self.get_buffer("attributes")[item])
        if history is None or ages is None:
            return logits
        own: Tensor = self.ncf.returns(item[:, None], history, ages)[:, 0]
        return logits + own


class _Candidates(nn.Module):
    """Wide & Deep for one request: user [1], rows [n], context [1, C], history and ages [1, L] to scores [n]."""

    def __init__(self, model: WideDeep) -> None:
        super().__init__()
        self.model = model

    def forward(self, user: Tensor, rows: Tensor, context: Tensor, history: Tensor, ages: Tensor) -> Tensor:
        logits: Tensor = self.model(user, rows[None], context, history, ages)
        return logits[0]


class _Deep(nn.Module):
    """All deep models for one request: user [1], rows [n], context [1, C] to scores [1, n], a row a model.

    Own visits are not in it: the request does not bring a history.
    """

    def __init__(self, ncf: _Pairs) -> None:
        super().__init__()
        self.ncf = ncf

    def forward(self, user: Tensor, rows: Tensor, context: Tensor) -> Tensor:
        return torch.stack([self.ncf(user, rows, context)])


def export_deep(model: NCFRecommender, folder: Path) -> dict[str, Path]:
    """Write `deep.onnx` and `ncf.onnx` into `folder`.

    `deep` answers one request: `user` int64 [1], `rows` int64 [n] (candidates, n may be 0), `context` float32 [1, C]
    to `scores` float32 [1, n], in the order of `DEEP_MODELS`, without what own visits add. `ncf` scores pairs with it:
    `user` int64 [B], `item` int64 [B], `context` float32 [B, C], `history` int64 [B, L], `ages` float32 [B, L] to
    `scores` float32 [B]. Both read the items' attributes from inside the graph.

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
        {"user": two, "item": two, "context": context.expand(2, -1), **_past(2)},
        {name: {0: "B"} for name in ("user", "item", "context", "scores")}
        | {name: {0: "B", 1: "L"} for name in ("history", "ages")},
        paths[NCF_NAME],
    )
    return paths


def export_wide_deep(model: WideDeepRecommender, path: Path) -> None:
    """Write Wide & Deep as one graph.

    It answers one request: `user` int64 [1], `rows` int64 [n] (candidates, n may be 0), `context` float32 [1, C],
    `history` int64 [1, L] and `ages` float32 [1, L] (L at least 1) to `scores` float32 [n].

    Args:
        model: A fitted model.
        path: The file to write.
    """
    row = torch.zeros(1, dtype=torch.int64)
    inputs = {"user": row, "rows": torch.ones(2, dtype=torch.int64), "context": torch.zeros(1, len(CONTEXT_NAMES))}
    axes = {"rows": {0: "n"}, "scores": {0: "n"}, "history": {1: "L"}, "ages": {1: "L"}}
    _export(_Candidates(model.module).eval(), inputs | _past(1), axes, path)


def _past(size: int) -> dict[str, Tensor]:
    """A history to trace with, size X 3."""
    history = torch.tensor([[0, 1, 1]]).expand(size, -1).contiguous()
    return {"history": history, "ages": torch.tensor([[0.0, 90_000.0, 5.0]]).expand(size, -1).contiguous()}


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
