"""Deep models that were saved, whichever they are."""

import json
from pathlib import Path
from typing import Any

from hidden_gems.core.errors import BadInputError
from hidden_gems.training.deep import SETTINGS_FILE, DeepRecommender
from hidden_gems.training.graphsage import GraphSAGERecommender
from hidden_gems.training.gru4rec import GRU4RecRecommender
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.sasrec import SASRecRecommender
from hidden_gems.training.wide_deep import WideDeepRecommender

AnyDeep = DeepRecommender[Any, Any]

_CLASSES: dict[str, type[AnyDeep]] = {
    "ncf": NCFRecommender,
    "wide_deep": WideDeepRecommender,
    "sasrec": SASRecRecommender,
    "gru4rec": GRU4RecRecommender,
    "graphsage": GraphSAGERecommender,
}


def load_deep(folder: Path) -> AnyDeep:
    """Read what `save` of any deep model wrote.

    Raises:
        BadInputError: If the folder holds no model that is known.
    """
    try:
        name = json.loads((folder / SETTINGS_FILE).read_text())["model"]
        kind = _CLASSES[name]
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{folder} holds no deep model; there are {', '.join(_CLASSES)}") from error
    return kind.load(folder)
