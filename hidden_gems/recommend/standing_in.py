"""What ranks while the ranker is away: the blend that the release fitted, its weights moved by feedback since."""

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.arm_context import MEMBER_NAMES, cohort
from hidden_gems.models.blend import Weights
from hidden_gems.recommend.answering import Found
from hidden_gems.recommend.deep import SCORE_FEATURES, DeepAnswer
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import Beliefs, in_order
from hidden_gems.recommend.world import World

_NO_BELIEF = 1.0  # spread of every arm where nobody says what is believed; only ratios count
_FEATURES = SCORE_FEATURES | {"popular": "popularity"}


def stand_in(
    world: World, request: Request, found: Found, deep: DeepAnswer | None, vectors: NDArray[np.float32]
) -> Beliefs:
    """Beliefs where the ranker does not answer: places in the order of the blend, 0 (last) to 1 (first).

    Members that did not answer either are left out. A release without a blend weighs all members alike.

    Args:
        world: What the request sees.
        request: What is asked.
        found: n candidates.
        deep: Scores of the deep models, if they answered.
        vectors: The 60 features of each candidate, n X 60.
    """
    count = len(found.rows)
    scores = {} if deep is None else {name: deep.scores[row] for row, name in enumerate(world.models)}
    scores |= {"item_knn": found.collaborative, "popular": world.items.generator.popular[found.rows]}
    weights = world.blend.weights(not request.filters.exclude_seen) if world.blend else Weights.alike(tuple(scores))
    weights = weights.among(tuple(scores))
    if not weights.members:
        weights = Weights.alike(tuple(scores))
    person = cohort(vectors)
    if world.online is not None:
        factors = dict(zip(MEMBER_NAMES, world.online.cohorts.factors(person).tolist(), strict=True))
        weights = weights.times({name: factors[_FEATURES[name]] for name in weights.members})
    tables = {name: np.append(-np.inf, scores[name]).astype(np.float32)[None] for name in weights.members}
    hidden = np.zeros((1, count + 1), dtype=bool)
    hidden[:, 0] = True
    score = weights.combine(tables, np.array([person]), hidden)[0, 1:] if count else np.zeros(0)
    return Beliefs(in_order(score), np.zeros(count), np.full(count, _NO_BELIEF))
