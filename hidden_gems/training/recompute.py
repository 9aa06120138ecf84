"""Activation checkpointing: forget what blocks of a module computed, and compute it again on the way back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from hidden_gems.core.errors import BadInputError


@runtime_checkable
class HasBlocks(Protocol):
    """A module that says which of its parts are worth computing twice."""

    def checkpointed_blocks(self) -> Iterable[nn.Module]:
        """Modules that hold much between their input and their output, as the layers of a transformer."""
        ...


@contextmanager
def recomputed(module: nn.Module) -> Iterator[None]:
    """Inside, the blocks of a module keep only their inputs for the backward pass.

    Dropout draws the same again, so what is learned stays what it is, up to the order of float sums.

    Raises:
        BadInputError: If the module names no block.

    Source:
        Chen et al. (2016), Training Deep Nets with Sublinear Memory Cost.
    """
    blocks = list(module.checkpointed_blocks()) if isinstance(module, HasBlocks) else []
    if not blocks:
        raise BadInputError(
            f"{type(module).__name__} has no blocks that can be computed again; set activation_checkpointing to false"
        )
    for block in blocks:
        block.forward = _twice(block.forward)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward  # the instance's; the class has its own


def _twice(forward: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    return call
