"""Fit NCF on a log and score with it."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.contract import DEFAULT_TIMEZONE
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.features.context import CONTEXT_NAMES, context_vectors
from hidden_gems.models.ncf import NCF, NCFConfig
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.top_k import top_k
from hidden_gems.training.held_out import HeldOut, hold_out
from hidden_gems.training.loop import LoopConfig, Progress, Report, train
from hidden_gems.training.negatives import NO_NEGATIVE, Negatives, NegativesConfig
from hidden_gems.training.spectral import spectral_embeddings

_PARAMETERS_FILE, _SETTINGS_FILE = "ncf.pt", "ncf.json"
_PAIR_CHUNK, _USER_CHUNK = 32_768, 512
_CELL_CHUNK = 8_192  # pairs of a catalogue that are scored at once: what a core's cache holds
_ROWS_A_DIRECTION = 8  # people or items behind each spectral direction; with fewer it would only memorise
_UNUSED_SPREAD = 0.01  # of the embedding columns that no spectral direction fills


@dataclass(frozen=True)
class NCFSettings:
    """How NCF is built and fitted."""

    width: int = 128
    hidden: tuple[int, ...] = (128, 64, 32)
    dropout: float = 0.2
    loop: LoopConfig = field(default_factory=LoopConfig)
    negatives: NegativesConfig = field(default_factory=NegativesConfig)
    validation_share: float = 0.1  # last slice of time that decides how many epochs are enough
    user_dropout: float = 0.05  # share of examples in which the person becomes the unknown one
    item_dropout: float = 0.03  # share of items that become the unknown one, attributes kept
    table_rate: float = 0.02  # learning rate of the embeddings in shares of the loop's
    spectral_gain: float = 4.0  # what a product of spectral embeddings of length 1 adds to a logit
    hard_every: int = 3  # epochs between two searches for hard negatives


@dataclass
class NCFRecommender:
    """NCF as a `Recommender`.

    `fit` learns on all but the last slice of time, stops where the slice is ranked best, then learns anew on all of the
    log for as many epochs. A row that the log never showed scores as the unknown row 0 (an item with its own
    attributes), which learns from examples whose id was hidden.

    Args:
        attributes: What is known about each item, float32, size I X A; row 0 is the unknown item.
        timezone: IANA name; hours and weekdays are read with it.
        order_only: Timestamps are an order: no context is read from them.
        settings: How to build and fit.
        checkpoint: Folder for checkpoints; a fit that was killed goes on from there.
        progress: Called after every step; once for the search of the epochs, once for the last fit.
    """

    attributes: NDArray[np.float32]
    timezone: str = DEFAULT_TIMEZONE
    order_only: bool = False
    settings: NCFSettings = field(default_factory=NCFSettings)
    checkpoint: Path | None = None
    progress: Callable[[Progress], None] | None = None
    reports: list[Report] = field(default_factory=list, init=False, repr=False)
    """What the loop did: the search for the number of epochs, where the log allows one, and the last fit."""

    def fit(self, log: Interactions) -> Self:
        """Learn from a log, from scratch.

        Raises:
            BadInputError: If there is not one attribute row for each item of the log, or the log is empty.
        """
        if len(self.attributes) != log.items:
            raise BadInputError(f"attributes must have a row for each of {log.items} items, got {len(self.attributes)}")
        if not len(Pairs.of(log).user):
            raise BadInputError("the log has no positive interaction; NCF needs at least one")
        self.reports = []
        loop = self.settings.loop
        early, held_out = hold_out(log, self.settings.validation_share, seed=loop.seed)
        if held_out is not None:
            _, report = self._train(early, held_out, loop, "search")
            loop = replace(loop, epochs=report.best_epoch)
        self.module, _ = self._train(log, None, loop, "fit")
        _forget_untrained(self.module, Pairs.of(log))
        return self

    def score(self, user: Rows, item: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logit of each pair, float32, size B."""
        scores = np.empty(len(user), dtype=np.float32)
        for start in range(0, len(user), _PAIR_CHUNK):
            part = slice(start, start + _PAIR_CHUNK)
            context, attributes = torch.from_numpy(self.context(when[part])), self.attributes[item[part]]
            with torch.inference_mode():
                logits = self.module(_tensor(user[part]), _tensor(item[part]), context, _tensor(attributes))
            scores[part] = logits.numpy()
        return scores

    def score_catalogue(self, user: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logit of every item for each person, float32, size U X I; column 0 is -inf."""
        return catalogue_scores(self.module, _tensor(self.attributes), user, self.context(when))

    def context(self, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Context vector of each moment, float32, size B X C; a log knows no weather."""
        return context_vectors(when, self.timezone, order_only=self.order_only)

    def save(self, folder: Path) -> None:
        """Write parameters, attributes and settings into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"module": self.module.state_dict(), "attributes": _tensor(self.attributes)}
        torch.save(state, folder / _PARAMETERS_FILE)
        about = {"timezone": self.timezone, "order_only": self.order_only, "settings": asdict(self.settings)}
        (folder / _SETTINGS_FILE).write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        about = json.loads((folder / _SETTINGS_FILE).read_text())
        state = torch.load(folder / _PARAMETERS_FILE, weights_only=True)
        settings = _settings(about["settings"])
        model = cls(state["attributes"].numpy(), about["timezone"], about["order_only"], settings)
        users = state["module"]["user.weight"].shape[0]
        model.module = NCF(_sizes(settings, users, model.attributes)).eval()
        model.module.load_state_dict(state["module"])
        return model

    def _train(self, log: Interactions, held_out: HeldOut | None, loop: LoopConfig, phase: str) -> tuple[NCF, Report]:
        with torch.random.fork_rng():
            torch.manual_seed(loop.seed)
            module = NCF(_sizes(self.settings, log.users, self.attributes))
            _start(module, Pairs.of(log), self.settings)
        task = _NCFTask(module, log, self, held_out)
        folder = self.checkpoint / phase if self.checkpoint else None
        report = train(task, loop, checkpoint=folder, progress=self.progress)
        self.reports.append(report)
        return module, report


def catalogue_scores(module: NCF, attributes: Tensor, user: Rows, context: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logit of every item for each person, float32, size U X I; column 0 is -inf.

    The item side of the first layer is computed once for all people, and the product path is one matrix product.

    Args:
        module: NCF in evaluation mode.
        attributes: What is known about each item, size I X A.
        user: Row of each person, size U.
        context: What is known about each request, float32, size U X C.
    """
    items = len(attributes)
    scores = np.empty((len(user), items), dtype=np.float32)
    step = max(1, _CELL_CHUNK // items)
    with torch.inference_mode():
        v, from_item, bias = module.item_side(torch.arange(items), attributes)
        u, from_user = module.user_side(_tensor(user), torch.from_numpy(context))
        product = (u * module.fuse_product.weight) @ v.T + bias  # U X I
        for start in range(0, len(user), step):
            mixed = module.perceptron(from_user[start : start + step, None] + from_item)
            logits = product[start : start + step] + module.fuse_mixed(mixed).squeeze(-1)
            scores[start : start + step] = logits.numpy()
    scores[:, 0] = -np.inf
    return scores


class _NCFTask:
    """Every pair of a log once, each with its negatives, by binary cross-entropy; a pair weighs its best reward."""

    def __init__(self, module: NCF, log: Interactions, model: NCFRecommender, held_out: HeldOut | None) -> None:
        self.module, self.model, self.held_out = module, model, held_out
        self.pairs = Pairs.of(log)
        self.examples = len(self.pairs.user)
        self.context = model.context(self.pairs.last)
        self.negatives = Negatives(self.pairs, model.settings.negatives)
        self.end = int(log.timestamp.max())

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        names = ("user.weight", "item.weight")
        tables = [parameter for name, parameter in self.module.named_parameters() if name in names]
        others = [parameter for name, parameter in self.module.named_parameters() if name not in names]
        return [{"params": tables, "lr": rate * self.model.settings.table_rate}, {"params": others, "lr": rate}]

    def begin_epoch(self, epoch: int) -> None:
        settings = self.model.settings
        if settings.negatives.hard_share == 0 or epoch % settings.hard_every != 1:
            return
        self.module.eval()
        seen = self.pairs.table(self.pairs.reward)
        found = []
        for start in range(0, seen.shape[0], _USER_CHUNK):
            user = np.arange(start, min(start + _USER_CHUNK, seen.shape[0]))
            scores = self._catalogue(user, np.full(len(user), self.end))
            found.append(top_k(scores, settings.negatives.hard_depth, exclude=seen[user])[0])
        self.negatives.hard = np.concatenate(found)

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        settings, device = self.model.settings, self.module.bias.weight.device
        user, met = self.pairs.user[rows], self.pairs.item[rows]
        item = np.column_stack([met, self.negatives.draw(user, random)])  # B X 1 + N
        shown_user = np.where(random.random(len(user)) < settings.user_dropout, 0, user)
        shown_item = np.where(random.random(item.shape) < settings.item_dropout, 0, item)
        weight = self.pairs.reward[rows][:, None] * (item != NO_NEGATIVE)
        target = np.zeros(item.shape, dtype=np.float32)
        target[:, 0] = 1.0
        logits = model(
            _tensor(shown_user[:, None]).to(device),
            _tensor(shown_item).to(device),
            _tensor(self.context[rows][:, None]).to(device),
            _tensor(self.model.attributes[item]).to(device),
        )
        parts = functional.binary_cross_entropy_with_logits(logits, _tensor(target).to(device), reduction="none")
        return (parts * _tensor(weight).to(device)).sum() / float(weight.sum())

    def validate(self) -> float | None:
        if self.held_out is None:
            return None
        return self.held_out.ndcg(self._catalogue(self.held_out.user, self.held_out.when))

    def state(self) -> dict[str, Tensor]:
        return {} if self.negatives.hard is None else {"hard": _tensor(self.negatives.hard)}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.negatives.hard = state["hard"].cpu().numpy() if "hard" in state else None

    def _catalogue(self, user: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        return catalogue_scores(self.module, _tensor(self.model.attributes), user, self.model.context(when))


def _start(module: NCF, pairs: Pairs, settings: NCFSettings) -> None:
    """Start from what counting gives: popularity as the items' bias, spectral embeddings in the product path."""
    met = pairs.table(pairs.reward)
    earned = np.asarray(met.sum(axis=0)).ravel()
    width = min(module.user.embedding_dim, max(1, min(met.shape) // _ROWS_A_DIRECTION))
    with torch.no_grad():
        module.bias.weight[:, 0] = _tensor(np.log((earned + 1.0) / (earned + 1.0).mean()).astype(np.float32))
        module.fuse_product.weight.fill_(settings.spectral_gain)
        module.fuse_mixed.bias.fill_(-math.log(settings.negatives.per_positive))
        module.fuse_mixed.weight.zero_()
        for table, start in zip((module.user, module.item), spectral_embeddings(met, width), strict=True):
            nn.init.normal_(table.weight, std=_UNUSED_SPREAD)
            table.weight[:, :width] = _tensor(start)


def _forget_untrained(module: NCF, pairs: Pairs) -> None:
    """Give every row that the log never showed what the unknown row 0 has learned."""
    with torch.no_grad():
        for tables, seen in (((module.user,), pairs.user), ((module.item, module.bias), pairs.item)):
            for table in tables:
                untrained = np.setdiff1d(np.arange(table.num_embeddings), seen)
                table.weight[_tensor(untrained)] = table.weight[0].clone()


def _sizes(settings: NCFSettings, users: int, attributes: NDArray[np.float32]) -> NCFConfig:
    return NCFConfig(
        users=users,
        items=len(attributes),
        user_context=len(CONTEXT_NAMES),
        item_context=attributes.shape[1],
        width=settings.width,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )


def _settings(values: dict[str, Any]) -> NCFSettings:
    values = values | {"loop": LoopConfig(**values["loop"]), "negatives": NegativesConfig(**values["negatives"])}
    return NCFSettings(**values | {"hidden": tuple(values["hidden"])})


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
