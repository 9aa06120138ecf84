"""The one training loop: shuffling, warm-up, early stopping, checkpoints, and a resume that changes nothing."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hidden_gems.core.errors import BadInputError

CHECKPOINT_FILE = "last.pt"


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to learn; nothing about the model or the data."""

    epochs: int = 10  # at most; early stopping may end sooner
    batch: int = 1024  # examples a step
    rate: float = 1e-3  # learning rate of Adam after the warm-up
    decay: float = 1e-5  # L2 penalty of Adam
    warm_up_steps: int = 50  # steps in which the rate rises to its value
    patience: int = 3  # epochs without a better validation value before it stops
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    tf32: bool = False  # faster, coarser float32 products where the device has them
    accelerator: str = "cpu"  # a Lightning Fabric accelerator
    checkpoint_steps: int = 500  # steps between two checkpoints


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

    def loss(self, model: Callable[..., Tensor], rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Loss of some examples; `model` is the module in the loop's precision, all chance comes from `random`."""
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


@dataclass(frozen=True)
class Progress:
    """Where the loop is."""

    step: int  # steps done
    total: int  # steps if nothing stops it early
    loss: float  # of this step
    seconds_left: float  # if nothing stops it early


@dataclass
class Report:
    """What the loop did; epochs count from 1, and 0 means that none was validated."""

    losses: list[float] = field(default_factory=list)  # mean loss of each epoch
    validations: list[float] = field(default_factory=list)  # validation value after each epoch
    best_epoch: int = 0


def train(
    task: Task,
    config: LoopConfig,
    *,
    checkpoint: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Train until the epochs are over or the validation value stops growing; the module keeps its best parameters.

    Every epoch's order and every step's chance follow from (seed, epoch, step) alone, so a run that was killed and is
    started again with the same arguments ends with the parameters of an unbroken one.

    Args:
        task: What to train; its module is changed in place and ends on the CPU, in evaluation mode.
        config: How to train.
        checkpoint: Folder for checkpoints; one that is there is resumed from.
        progress: Called after every step.

    Raises:
        BadInputError: If the checkpoint belongs to another run.
    """
    if config.tf32:
        torch.set_float32_matmul_precision("high")
    with torch.random.fork_rng():
        report = _Run(task, config, checkpoint, progress or (lambda _: None)).run()
    task.module.to("cpu").eval()
    return report


class _Run:
    def __init__(
        self, task: Task, config: LoopConfig, checkpoint: str | Path | None, progress: Callable[[Progress], None]
    ) -> None:
        self.task, self.config, self.progress = task, config, progress
        self.file = Path(checkpoint) / CHECKPOINT_FILE if checkpoint else None
        self.identity = asdict(config) | {"examples": task.examples}
        self.steps = math.ceil(task.examples / config.batch)  # of an epoch
        from lightning_fabric import Fabric  # takes seconds to import, and scoring does not need it

        self.fabric = Fabric(accelerator=config.accelerator, devices=1, precision=config.precision)
        optimizer = torch.optim.Adam(task.parameter_groups(config.rate), weight_decay=config.decay)
        self.model, self.optimizer = self.fabric.setup(task.module, optimizer)
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.step, self.epoch_loss, self.report = 0, 0.0, Report()
        self.best: dict[str, Tensor] = {}

    def run(self) -> Report:
        self._resume()
        began, first = time.monotonic(), self.step
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
                if self.step % self.config.checkpoint_steps == 0:
                    self._save()
                left = self.steps * self.config.epochs - self.step
                pace = (time.monotonic() - began) / (self.step - first)
                self.progress(Progress(self.step, self.step + left, loss, left * pace))
        self._save()
        if self.best:
            self.task.module.load_state_dict(self.best)
        return self.report

    def _learn(self, rows: NDArray[np.int64]) -> float:
        chance = np.random.default_rng([self.config.seed, 1, self.step])
        torch.manual_seed(int(chance.integers(2**62)))  # dropout
        share = min(1.0, (self.step + 1) / max(self.config.warm_up_steps, 1))
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * share
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.task.loss(self.model, rows, chance)
        self.fabric.backward(loss)
        self.optimizer.step()
        self.step += 1
        return loss.item()

    def _end_epoch(self, epoch: int) -> None:
        self.report.losses.append(self.epoch_loss)
        self.task.module.eval()
        value = self.task.validate()
        if value is None:
            return
        if not self.report.validations or value > max(self.report.validations):
            self.report.best_epoch = epoch
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.task.module.state_dict().items()}
        self.report.validations.append(value)

    def _stale(self) -> bool:
        done = len(self.report.validations)
        return done > 0 and done - self.report.best_epoch >= self.config.patience

    def _save(self) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "identity": self.identity,
            "step": self.step,
            "epoch_loss": self.epoch_loss,
            "report": asdict(self.report),
            "module": self.task.module.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "task": self.task.state(),
        }
        partial = self.file.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.file)

    def _resume(self) -> None:
        if self.file is None or not self.file.exists():
            return
        state = torch.load(self.file, map_location=self.fabric.device, weights_only=True)
        if state["identity"] != self.identity:
            raise BadInputError(f"the checkpoint {self.file} belongs to another run; remove it or train elsewhere")
        self.step, self.epoch_loss, self.best = state["step"], state["epoch_loss"], state["best"]
        self.report = Report(**state["report"])
        self.task.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.task.restore(state["task"])
