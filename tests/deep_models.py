"""Every deep model, small and quickly fitted on the same town."""

from dataclasses import replace
from typing import Any

import numpy as np

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.models.size import DataSize
from hidden_gems.training.saved import AnyDeep
from hidden_gems.training.sequences import Choice, SequenceRecommender
from tests.logs import facts_of, town

LOG = town()
ATTRIBUTES = np.random.default_rng(0).random((LOG.items, 3)).astype(np.float32)


def deep_models(*names: str, epochs: int = 2, **facts: Any) -> dict[str, AnyDeep]:
    """Models by name in the order of the served graph, all of them where none is named."""
    found: dict[str, AnyDeep] = {}
    for name in names or DEEP:
        model: Any = DEEP[name](facts_of(ATTRIBUTES, **facts), DataSize.of(LOG), "auto", 0)
        model.settings = replace(model.settings, loop=replace(model.settings.loop, epochs=epochs))
        found[name] = model.fit(LOG)
        if isinstance(model, SequenceRecommender):  # so little data leaves what is chosen at its defaults
            model.choice = Choice(trust=0.7, habit=0.4, half_life=8.0, shift=0.5, longest_wait=600.0)
            model.choice.into(model.module)
    return found
