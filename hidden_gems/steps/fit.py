"""Fit one deep model: `python -m hidden_gems.steps.fit --model ncf --checked DIR --out DIR`.

The same command runs in several processes: `torchrun --standalone --nproc-per-node=2 -m hidden_gems.steps.fit …`.
Where torchrun is to start killed workers again (`--max-restarts`), it needs TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its
environment: otherwise the new workers may read the addresses of the dead ones (pytorch issue 135712).
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch

from hidden_gems.core.clock import seconds_of
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.steps.fitting import FitConfig, fit_deep
from hidden_gems.training.distributed import is_first
from hidden_gems.training.loop import Epoch, Progress

_TELL_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, tell on stderr how far it is, and print a report as JSON; exit code 2 where the input is wrong."""
    options = _parser().parse_args(arguments)
    try:
        report = fit_deep(options.checked, options.out, _config(options), progress=_Teller(), watch=_tell_epoch)
    except HiddenGemsError as error:
        print(f"fit: {error}", file=sys.stderr)
        return 2
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    if is_first():
        print(json.dumps(report), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a deep model of the shelf")
    parser.add_argument("--checked", required=True, help="folder of the checked dataset, any fsspec address")
    parser.add_argument("--out", required=True, help="folder of the model, any fsspec address")
    parser.add_argument("--until", default="test", help="rank, test or now: what the model learns from ends there")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=("auto", "plan"), default="auto")
    parser.add_argument("--settings", default="", help="JSON file with settings, as a search wrote it")
    parser.add_argument("--loop", type=json.loads, default={}, help='fields of the loop as JSON, as {"epochs": 3}')
    parser.add_argument("--checkpoint", default="", help="folder for checkpoints, any fsspec address")
    parser.add_argument("--mlflow", default="", help="tracking address")
    parser.add_argument("--tune", type=seconds_of, default=0.0, metavar="10m", help="search for settings that long")
    parser.add_argument("--tuning", default="", help="folder of the search")
    return parser


def _config(options: argparse.Namespace) -> FitConfig:
    values: dict[str, Any] = {name: value for name, value in vars(options).items() if name not in ("checked", "out")}
    return FitConfig(tune_seconds=values.pop("tune"), **values)


class _Teller:
    """A line every few seconds."""

    def __init__(self) -> None:
        self.told = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self.told < _TELL_SECONDS:
            return
        self.told = time.monotonic()
        left = f"at most {progress.seconds_left:.0f} s left"
        print(
            f"step {progress.step} of {progress.total}, loss {progress.loss:.4f}, {left}", file=sys.stderr, flush=True
        )


def _tell_epoch(phase: str, epoch: Epoch) -> None:
    value = "" if epoch.validation is None else f", validation {epoch.validation:.6f}"
    print(f"{phase}: epoch {epoch.number}, loss {epoch.loss:.6f}{value}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
