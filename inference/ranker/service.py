"""Scores of LambdaMART, the belief of each arm and, when asked, what each feature contributed."""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import BadFieldError, PartUnavailableError, ReleaseError
from hidden_gems.export.release import Release
from hidden_gems.export.sessions import RankerSession
from hidden_gems.features.arm_context import arm_context
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.online.state import OnlineState, prior_state
from inference.ranker.beliefs import StateFollower
from inference.shell.release import Held, ReleaseWatcher
from inference.shell.tensors import Parameters, TensorModel, Tensors, TensorSpec

if TYPE_CHECKING:
    from hidden_gems.models.lambdamart import LambdaMART

NAME = "ranker"
INPUTS = (
    TensorSpec("x", "FP32", ("n", len(FEATURE_NAMES)), missing=True),
    TensorSpec("item_ids", "BYTES", ("n",)),
)
OUTPUTS = tuple(TensorSpec(name, "FP32", ("n",)) for name in ("score", "mean", "spread"))
CONTRIBUTIONS_SECONDS = 10.0
_boosters = ThreadPoolExecutor(max_workers=1, thread_name_prefix="booster")


@dataclass(frozen=True)
class Ranking:
    """What a release brings to the ranker."""

    score: RankerSession
    prior: OnlineState
    booster: "Future[LambdaMART]"

    def contributions(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to each score, n X 61; the last column is the base.

        Raises:
            PartUnavailableError: If the booster is not there in time.
        """
        try:
            return self.booster.result(CONTRIBUTIONS_SECONDS).contributions(x)
        except TimeoutError as error:
            raise PartUnavailableError("explanations", "the booster is still being loaded") from error


class RankerModel(TensorModel):
    """Deterministic: the draw is the transformer's, which knows the exact propensities.

    Request parameters: `release` asks for the pointed release or the one before; `contributions` (true) asks for the
    output of that name; `online` (false) asks for the beliefs of the release alone. The response names the `release`
    and the `state_version` of the arms.
    """

    def __init__(self, watcher: ReleaseWatcher[Ranking], follower: StateFollower) -> None:
        super().__init__(NAME)
        self._watcher, self._follower = watcher, follower
        self.ready = True

    def specs(self, parameters: Parameters) -> Sequence[TensorSpec]:
        """Vectors and the items they are of."""
        return INPUTS

    def outputs(self) -> Sequence[TensorSpec]:
        """Score, and mean and spread of the reward that an impression of the item earns."""
        return OUTPUTS

    def infer(self, inputs: Tensors, parameters: Parameters) -> tuple[Tensors, Parameters]:
        """Score and believe."""
        held = self._held(parameters)
        online = _flag(parameters, "online", True)
        state = (self._follower.state if online else None) or held.value.prior
        x = inputs["x"]
        mean, spread = state.belief(_texts(inputs["item_ids"]), arm_context(x))
        outputs: dict[str, NDArray[Any]] = {
            "score": held.value.score(x),
            "mean": mean.astype(np.float32),
            "spread": spread.astype(np.float32),
        }
        if _flag(parameters, "contributions", False):
            outputs["contributions"] = held.value.contributions(x)
        return outputs, {"release": held.version, "state_version": state.version}

    def _held(self, parameters: Parameters) -> Held[Ranking]:
        asked = parameters.get("release")
        return self._watcher.of(None if asked is None else str(asked))


def load_ranking(folder: Path, release: Release) -> Ranking:
    """The ranker of a release, tried; its booster follows in the background, for LightGBM is slow to import.

    Raises:
        ReleaseError: If its features are not ours, or it does not answer.
    """
    names = json.loads((folder / "ranker" / "features.json").read_text())
    if tuple(names) != tuple(FEATURE_NAMES):
        raise ReleaseError(f"release {release.version} was trained on other features than this version makes")
    score = RankerSession(folder)
    for size in (0, 1, 2):
        scores = score(np.full((size, len(names)), np.nan, dtype=np.float32))
        if scores.shape != (size,) or not np.isfinite(scores).all():
            raise ReleaseError(f"release {release.version}: the ranker does not answer as it should")
    return Ranking(score, prior_state(folder), _boosters.submit(_booster, folder / "ranker"))


def _booster(folder: Path) -> "LambdaMART":
    from hidden_gems.models.lambdamart import LambdaMART

    model = LambdaMART.load(folder)
    model.contributions(np.zeros((1, len(FEATURE_NAMES)), dtype=np.float32))
    return model


def _flag(parameters: Parameters, name: str, default: bool) -> bool:
    asked = parameters.get(name, default)
    if not isinstance(asked, bool):
        raise BadFieldError(f"parameters.{name}", "expected true or false")
    return asked


def _texts(values: NDArray[Any]) -> list[str]:
    try:
        return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    except UnicodeDecodeError as error:
        raise BadFieldError("item_ids", "an id is not UTF-8") from error
