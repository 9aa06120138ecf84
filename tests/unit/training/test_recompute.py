from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from hidden_gems.core.errors import BadInputError
from hidden_gems.training.recompute import recomputed


class Stack(nn.Module):
    """Layers that count how often they are computed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(0.5)) for _ in range(2))
        self.calls = 0
        for layer in self.layers:
            layer[0].register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.calls += 1

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def checkpointed_blocks(self) -> Iterable[nn.Module]:
        return self.layers


def _gradients(stack: Stack) -> list[Tensor]:
    torch.manual_seed(2)
    stack.zero_grad()
    stack(torch.ones(3, 4)).square().sum().backward()
    return [parameter.grad.clone() for parameter in stack.parameters() if parameter.grad is not None]


def test_blocks_are_computed_twice_and_gradients_stay() -> None:
    plain, twice = Stack(), Stack()
    expected = _gradients(plain)
    with recomputed(twice):
        found = _gradients(twice)
    assert (plain.calls, twice.calls) == (2, 4)
    assert len(found) == 4
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


def test_without_gradients_once_is_enough_and_afterwards_all_is_as_before() -> None:
    stack = Stack()
    with recomputed(stack), torch.no_grad():
        stack(torch.ones(3, 4))
    assert stack.calls == 2
    _gradients(stack)
    assert stack.calls == 4
    assert all("forward" not in vars(layer) for layer in stack.layers)


def test_an_error_leaves_nothing_behind() -> None:
    stack = Stack()
    with pytest.raises(ZeroDivisionError), recomputed(stack):
        raise ZeroDivisionError
    assert all("forward" not in vars(layer) for layer in stack.layers)


class NoBlocks(Stack):
    def checkpointed_blocks(self) -> Iterable[nn.Module]:
        return ()


@pytest.mark.parametrize("module", [nn.Linear(2, 2), NoBlocks()])
def test_a_module_without_blocks_is_refused(module: nn.Module) -> None:
    with pytest.raises(BadInputError, match=f"{type(module).__name__} has no blocks"), recomputed(module):
        pass
