"""How much memory training held at most."""

import resource
import sys

import torch

_UNIT = 1 if sys.platform == "darwin" else 1024  # what getrusage counts in


def peak_bytes(device: torch.device) -> int:
    """Most memory held so far: allocated on a GPU, or by this whole process where it computes on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
