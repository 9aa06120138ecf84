"""Peak memory of a training step in a fresh process: `python -m tests.proofs.peak_memory --precision bf16-mixed`.

What learns is a stack of transformer layers of the plan's SASRec (width 128, 4 heads, feed-forward 512, 50 positions)
on random numbers.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.training.loop import LoopConfig, train
from hidden_gems.training.memory import peak_bytes

WIDTH, HEADS, POSITIONS, BATCH, LAYERS, STEPS = 128, 4, 50, 192, 6, 1


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mix, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.feed = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        parts = self.mix(self.before(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        met = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        x = x + self.out(met.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.feed(self.between(x))


class Stack(nn.Sequential):
    def checkpointed_blocks(self) -> Iterable[nn.Module]:
        return self


class Noise:
    """Learn to undo noise."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = Stack(*(Layer() for _ in range(LAYERS)))
        self.examples = BATCH * STEPS

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": rate}]

    def begin_epoch(self, epoch: int) -> None:
        pass

    def loss(self, model: Callable[..., Tensor], rows: np.ndarray, random: np.random.Generator) -> Tensor:
        x = torch.from_numpy(random.standard_normal((len(rows), POSITIONS, WIDTH), dtype=np.float32))
        return functional.mse_loss(model(x + 0.1).float(), x)

    def validate(self) -> float | None:
        return None

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--activation-checkpointing", action="store_true")
    options = parser.parse_args()
    config = LoopConfig(epochs=1, batch=BATCH, warm_up_steps=1, **vars(options))
    import lightning_fabric  # noqa: F401 - its import is no part of what learning holds

    task = Noise()
    before = peak_bytes(torch.device("cpu"))
    report = train(task, config)
    told = {"losses": report.losses, "seconds": report.seconds, "peak_bytes": report.peak_bytes, "before": before}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
