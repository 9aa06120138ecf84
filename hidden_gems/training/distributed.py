"""The processes that train together: this one alone, or those that `torchrun` started."""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hidden_gems.core.errors import BadInputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def processes() -> int:
    """How many processes train together."""
    return int(os.environ["WORLD_SIZE"]) if torch.distributed.is_torchelastic_launched() else 1


def is_first() -> bool:
    """Whether this process is the one that writes and tells."""
    return processes() == 1 or os.environ["RANK"] == "0"


def fabric_for(accelerator: str, precision: str) -> "Fabric":
    """Fabric on one device of each process.

    Args:
        accelerator: Of Lightning Fabric: `cpu`, `gpu`, or `auto` for a GPU where there is one.
        precision: `32-true`, `bf16-mixed` or `16-mixed`.

    Raises:
        BadInputError: If there is no such device, or it cannot compute in that precision.
    """
    from lightning_fabric import Fabric  # takes seconds to import, and scoring does not need it

    _check_device(accelerator, precision)
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if processes() > 1 else 1
    fabric = Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=processes() // here,
        strategy="ddp" if processes() > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def _check_device(accelerator: str, precision: str) -> None:
    gpu = torch.cuda.is_available()
    if accelerator in ("gpu", "cuda") and not gpu:
        raise BadInputError(f"accelerator {accelerator}: there is no GPU here; choose cpu or auto")
    on_cpu = accelerator == "cpu" or not gpu
    if precision == "16-mixed" and on_cpu:
        raise BadInputError("precision 16-mixed needs a GPU, and this runs on the CPU; choose bf16-mixed or 32-true")
    if precision == "bf16-mixed" and not on_cpu and not torch.cuda.is_bf16_supported():
        raise BadInputError("precision bf16-mixed: this GPU has no bfloat16; choose 16-mixed or 32-true")


class Together:
    """Shares of a batch, and gradients averaged over all of them.

    Each share has chance of its own, so as long as the number of shares is the same, any number of processes learns
    the same up to the order of float sums. Gradients are summed here and not by the hooks of torch's
    DistributedDataParallel, which average over processes whatever their shares weigh and need every parameter to be
    used exactly once a step.

    Args:
        fabric: What this process computes with.
        shares: Of a batch, at least; there are no fewer than processes.

    Raises:
        BadInputError: If the shares cannot be dealt out evenly.
    """

    def __init__(self, fabric: "Fabric", shares: int) -> None:
        self.fabric, self.shares = fabric, max(shares, fabric.world_size)
        if self.shares % fabric.world_size:
            raise BadInputError(f"{shares} shares of a batch cannot be dealt to {fabric.world_size} processes evenly")

    @property
    def mine(self) -> range:
        """Shares of this process."""
        return range(self.fabric.global_rank, self.shares, self.fabric.world_size)

    def unsynchronised(self, model: Any) -> AbstractContextManager[None]:
        """Forward and backward inside leave each process its own gradients."""
        return self.fabric.no_backward_sync(model) if self.fabric.world_size > 1 else nullcontext()

    def average(self, parameters: Iterable[nn.Parameter], loss: float, weight: float) -> float:
        """Make gradients, which are sums over shares, the average of all shares.

        Args:
            parameters: What learns, in the same order in every process.
            loss: Weighted sum of the losses of this process's shares.
            weight: Sum of the weights of this process's shares.

        Returns:
            The average loss of all shares.
        """
        if self.shares == 1:
            return loss / weight
        known = [parameter for parameter in parameters if parameter.requires_grad]
        used = [float(parameter.grad is not None) for parameter in known]
        sums = self._sum(torch.tensor([loss, weight, *used], dtype=torch.float64)).tolist()
        for parameter, count in zip(known, sums[2:], strict=True):
            if count:  # what nobody used keeps no gradient, as in one process
                gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self._sum(gradient).div_(sums[1])
        return float(sums[0] / sums[1])

    def _sum(self, tensor: Tensor) -> Tensor:
        if self.fabric.world_size == 1:
            return tensor
        there = tensor.to(self.fabric.device)
        torch.distributed.all_reduce(there)
        return there
