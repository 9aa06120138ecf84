"""A release attacked by somebody who knows some of a person's places; see `tests.membership`."""

import numpy as np
import pytest

from hidden_gems.evaluation.intervals import mean_interval
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.request import Filters, Request
from tests.integration.chain import SEED, Chain
from tests.integration.teller import Teller
from tests.membership import Rows, alike, attacked, auc, summary

WANTED = 0.55


def test_answers_tell_nothing_about_the_places_of_others(chain: Chain) -> None:
    teller = Teller(chain.releases[0], chain.redis, chain.root / "feast")
    people, items = attacked(chain.shelf, SEED), teller.answering.world.items
    assert len(people) > 40
    values: dict[str, list[float]] = {"slates": [], "similar": [], "popularity alone": []}
    for known, tried, later in people:
        like, prior = alike(items, known), teller.tables.prior
        values["slates"].append(_by_slate(teller, known, tried, later, chain.dataset.now))
        values["similar"].append(auc(like[tried], like[later]))
        values["popularity alone"].append(auc(prior[tried], prior[later]))
    for name, each in values.items():
        print(summary(name, each))
    for name in ("slates", "similar"):
        low = mean_interval(np.array(values[name])).low
        assert low is not None
        assert low <= WANTED, f"{name} give away whose places the models learned from"


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 0.5), (10.0, 1.0), (-10.0, 0.0)])
def test_the_attack_sees_what_there_is_to_see(shift: float, expected: float) -> None:
    random = np.random.default_rng(0)
    assert auc(random.normal(shift, 1, 300), random.normal(0, 1, 300)) == pytest.approx(expected, abs=0.06)


def _by_slate(teller: Teller, known: Rows, tried: Rows, later: Rows, now: int) -> float:
    """Scores of a slate for somebody new whose session are the known places."""
    names = teller.tables.index.ids
    asked = [names[row] for row in (*tried, *later)]
    request = Request(
        "nobody-we-know",
        RequestContext(now, teller.about.timezone),
        limit=len(asked),
        filters=Filters(candidates=tuple(asked), exclude_seen=False),
        session=tuple(names[row] for row in known),
    )
    ranked = teller.answering.answer(request)
    scores = dict(zip(ranked.item_ids, ranked.scores.tolist(), strict=True))
    found = np.array([scores[name] for name in asked])
    return auc(found[: len(tried)], found[len(tried) :])
