"""The one training loop: shuffling, warm-up, early stopping, checkpoints, and a resume that changes nothing."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hidden_gems.core.errors import StepFailedError
from hidden_gems.training.checkpoints import CHECKPOINT_FILE, Checkpoints
from hidden_gems.training.distributed import Together, fabric_for
from hidden_gems.training.memory import peak_bytes
from hidden_gems.training.recompute import recomputed
from hidden_gems.training.report import Epoch, Progress, Report

__all__ = ["CHECKPOINT_FILE", "Epoch", "LoopConfig", "Progress", "Report", "Task", "WeightedLoss", "train"]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to learn; nothing about the model or the data."""

    epochs: int = 10  # at most; early stopping may end sooner
    batch: int = 1024  # examples a step, over all processes
    rate: float = 1e-3  # learning rate of Adam after the warm-up
    decay: float = 1e-5  # L2 penalty of Adam
    warm_up_steps: int = 50  # steps in which the rate rises to its value
    patience: int = 3  # epochs without a better validation value before it stops
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    tf32: bool = False  # faster, coarser float32 products where the device has them
    accelerator: str = "cpu"  # a Lightning Fabric accelerator
    checkpoint_steps: int = 500  # steps between two checkpoints
    activation_checkpointing: bool = False  # compute the module's `checkpointed_blocks` twice to hold less
    clip_norm: float = 0.0  # longest gradient, its norm over all parameters; 0 leaves it as it is
    shares: int = 1  # parts of a batch, at least, that chance is drawn for and processes are dealt


@dataclass(frozen=True)
class WeightedLoss:
    """A mean over examples that do not all weigh the same."""

    loss: Tensor
    weight: float  # what it was divided by: the sum of the weights


class Task(Protocol):
    """What the loop trains: a module, its examples, its loss, and how it is judged."""

    @property
    def module(self) -> nn.Module:
        """What learns."""
        ...

    @property
    def examples(self) -> int:
        """Number of examples; an epoch shows each once."""
        ...

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates, as Adam takes them."""
        ...

    def begin_epoch(self, epoch: int) -> None:
        """Prepare an epoch (0, 1, ...) from the parameters as they are, for example look for hard negatives."""
        ...

    def loss(
        self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator
    ) -> Tensor | WeightedLoss:
        """Mean loss of some examples, a plain tensor where each weighs the same.

        `model` is the module in the loop's precision; all chance comes from `random`. `rows` is a share of a batch
        where several processes train, or one process in several shares.
        """
        ...

    def validate(self) -> float | None:
        """How good the module is now, higher is better; None where nothing can be said."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What `begin_epoch` prepared, for a checkpoint."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        ...


def train(
    task: Task,
    config: LoopConfig,
    *,
    checkpoint: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    watch: Callable[[Epoch], None] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> Report:
    """Train until the epochs are over or the validation value stops growing; the module keeps its best parameters.

    Every epoch's order and every step's chance follow from (seed, epoch, step, share) alone, so a run that was killed
    and is started again with the same arguments ends with the parameters of an unbroken one. Under `torchrun` each
    process takes its shares of every batch; the first one validates, writes and tells.

    Args:
        task: What to train; its module is changed in place and ends on the CPU, in evaluation mode.
        config: How to train.
        checkpoint: Folder for checkpoints, any fsspec address; one that is there is resumed from.
        progress: Called after every step.
        watch: Called after every epoch, after a resume also for those that were over.
        identity: Plain values that say which run this is, beside the config and the sizes of the parameters.

    Raises:
        BadInputError: If the checkpoint belongs to another run, or the device cannot do what the config asks for.
        StepFailedError: If a loss is not a finite number.
    """
    if config.tf32:
        torch.set_float32_matmul_precision("high")
    blocks = recomputed(task.module) if config.activation_checkpointing else nullcontext()
    with torch.random.fork_rng(), blocks:
        run = _Run(task, config, progress, watch)
        if checkpoint is not None:
            run.keep_in(checkpoint, identity or {})
        report = run.run()
    task.module.to("cpu").eval()
    return report


class _Run:
    def __init__(
        self,
        task: Task,
        config: LoopConfig,
        progress: Callable[[Progress], None] | None,
        watch: Callable[[Epoch], None] | None,
    ) -> None:
        self.task, self.config = task, config
        self.steps = math.ceil(task.examples / config.batch)  # of an epoch
        self.fabric = fabric_for(config.accelerator, config.precision)
        self.together = Together(self.fabric, config.shares)
        self.first = self.fabric.is_global_zero
        self.progress, self.watch = (progress, watch) if self.first else (None, None)
        optimizer = torch.optim.Adam(task.parameter_groups(config.rate), weight_decay=config.decay)
        self.model, self.optimizer = self.fabric.setup(task.module, optimizer)
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.step, self.epoch_loss, self.report = 0, 0.0, Report()
        self.best: dict[str, Tensor] = {}
        self.checkpoints: Checkpoints | None = None

    def keep_in(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        sizes = {name: list(parameter.shape) for name, parameter in self.task.module.named_parameters()}
        own = asdict(self.config) | {"shares": self.together.shares, "examples": self.task.examples, "sizes": sizes}
        self.checkpoints = Checkpoints(folder, own | dict(identity))
        self._resume(self.fabric.broadcast(self.checkpoints.read() if self.first else None))

    def run(self) -> Report:
        began, first, before = time.monotonic(), self.step, self.report.seconds
        while self.step < self.steps * self.config.epochs and not self._stale():
            epoch, within = divmod(self.step, self.steps)
            if within == 0:
                self.task.begin_epoch(epoch)
                self.epoch_loss = 0.0
            order = np.random.default_rng([self.config.seed, epoch]).permutation(self.task.examples)
            for at in range(within, self.steps):
                loss = self._learn(order[at * self.config.batch : (at + 1) * self.config.batch])
                self.epoch_loss += loss / self.steps
                if at == self.steps - 1:
                    self._end_epoch(epoch + 1)
                self.report.seconds = before + time.monotonic() - began
                if self.step % self.config.checkpoint_steps == 0:
                    self._save()
                left = 0 if self._stale() else self.steps * self.config.epochs - self.step
                pace = (time.monotonic() - began) / (self.step - first)
                if self.progress is not None:
                    self.progress(Progress(self.step, self.step + left, loss, left * pace))
        self.report.peak_bytes = max(self.report.peak_bytes, peak_bytes(self.fabric.device))
        if self.step > first:
            self._save()
        if self.best:
            self.task.module.load_state_dict(self.best)
        return self.report

    def _learn(self, rows: NDArray[np.int64]) -> float:
        share = min(1.0, (self.step + 1) / max(self.config.warm_up_steps, 1))
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * share
        self.model.train()
        self.optimizer.zero_grad()
        losses, weights = 0.0, 0.0
        with self.together.unsynchronised(self.model):
            for part in self.together.mine:
                if len(rows) > part:
                    loss, weight = self._learn_share(rows, part)
                    losses, weights = losses + loss * weight, weights + weight
        mean = self.together.average(self.task.module.parameters(), losses, weights)
        if not math.isfinite(mean):
            raise StepFailedError(f"the loss of step {self.step + 1} is {mean}; try a lower learning rate")
        if self.config.clip_norm > 0:
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.config.clip_norm)
        self.optimizer.step()
        self.step += 1
        return mean

    def _learn_share(self, rows: NDArray[np.int64], part: int) -> tuple[float, float]:
        """Gradients of a share, times its weight; its loss and its weight."""
        chance = np.random.default_rng([self.config.seed, 1, self.step, part])
        torch.manual_seed(int(chance.integers(2**62)))  # dropout
        mine = rows[part :: self.together.shares]
        found = self.task.loss(self.model, mine, chance)
        loss, total = (found.loss, found.weight) if isinstance(found, WeightedLoss) else (found, float(len(mine)))
        weight = 1.0 if self.together.shares == 1 else total / len(rows)
        self.fabric.backward(loss * weight)
        return loss.item(), weight

    def _end_epoch(self, epoch: int) -> None:
        self.report.losses.append(self.epoch_loss)
        self.report.rates.append(float(self.optimizer.param_groups[-1]["lr"]))
        self.task.module.eval()
        value = self.fabric.broadcast(self.task.validate() if self.first else None)
        if value is not None:
            if not self.report.validations or value > max(self.report.validations):
                self.report.best_epoch = epoch
                self.best = {name: each.detach().cpu().clone() for name, each in self.task.module.state_dict().items()}
            self.report.validations.append(value)
        self._tell(epoch)

    def _tell(self, epoch: int) -> None:
        if self.watch is not None:
            self.watch(self.report.epoch(epoch))

    def _stale(self) -> bool:
        done = len(self.report.validations)
        return done > 0 and done - self.report.best_epoch >= self.config.patience

    def _save(self) -> None:
        if self.checkpoints is None or not self.first:
            return
        self.checkpoints.write(
            {
                "step": self.step,
                "epoch_loss": self.epoch_loss,
                "report": asdict(self.report),
                "module": self.task.module.state_dict(),
                "best": self.best,
                "optimizer": self.optimizer.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "task": self.task.state(),
            }
        )

    def _resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.step, self.epoch_loss, self.best = state["step"], state["epoch_loss"], state["best"]
        self.report = Report(**state["report"])
        self.task.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.task.restore(state["task"])
        for number in range(1, len(self.report.losses) + 1):
            self._tell(number)
