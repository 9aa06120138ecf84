"""What answers give away about others: whether a gem was among the places of somebody whom the models learned from.

The attacker knows some of a person's places and asks as somebody new, with those as the session, and for gems similar
to them. A gem that scores higher was more likely learned from that person: the AUC of that guess is measured within
each person, places learned from against places they went to later. At 0.5 an answer says nothing.
"""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.evaluation.intervals import mean_interval
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.related import similarity
from hidden_gems.recommend.request import Filters, Request
from tests.integration.chain import SEED, Chain
from tests.integration.teller import Teller

KNOWN, TRIED = 4, 4
"""Places of a person that the attacker knows, and those the guess is tried on."""
WANTED = 0.55


def test_answers_tell_nothing_about_the_places_of_others(chain: Chain) -> None:
    teller = Teller(chain.releases[0], chain.redis, chain.root / "feast")
    people = _people(chain)
    assert len(people) > 40
    values: dict[str, list[float]] = {"slates": [], "similar gems": [], "popularity alone": []}
    for learned, later in people.values():
        for name, value in _guesses(teller, learned, later, chain.dataset.now).items():
            values[name].append(value)
    found = {name: mean_interval(np.array(each)) for name, each in values.items()}
    for name, each in found.items():
        print(f"{name}: AUC {each.value:.3f}, 95 % interval {each.low:.3f} to {each.high:.3f}, {len(people)} people")
    for name in ("slates", "similar gems"):
        low = found[name].low
        assert low is not None
        assert low <= WANTED, f"{name} give away whose places the models learned from"


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 0.5), (10.0, 1.0), (-10.0, 0.0)])
def test_the_attack_sees_what_there_is_to_see(shift: float, expected: float) -> None:
    random = np.random.default_rng(0)
    assert _auc(random.normal(shift, 1, 300), random.normal(0, 1, 300)) == pytest.approx(expected, abs=0.06)
    assert _auc(np.ones(3), np.ones(4)) == 0.5


def _people(chain: Chain) -> dict[int, tuple[list[str], list[str]]]:
    """Places that the models learned from, in no order, and those of later; people who have enough of both."""
    shelf, random = chain.shelf, np.random.default_rng(SEED)
    before, everything = shelf.log(shelf.split.test_from), shelf.everything
    found = {}
    for person in np.unique(before.user):
        learned = random.permutation(np.unique(before.item[before.user == person])).tolist()
        later = [item for item in dict.fromkeys(everything.item[everything.user == person]) if item not in learned]
        if len(learned) > KNOWN and later:
            ids = shelf.items.ids
            found[int(person)] = [ids[item] for item in learned], [ids[item] for item in later]
    return found


def _guesses(teller: Teller, learned: list[str], later: list[str], now: int) -> Mapping[str, float]:
    """AUC of each way to guess, for one person."""
    known, tried = learned[:KNOWN], learned[KNOWN : KNOWN + TRIED]
    asked = (*tried, *later[:TRIED])
    items = teller.answering.world.items
    request = Request(
        "nobody-we-know",
        RequestContext(now, teller.about.timezone),
        limit=len(asked),
        filters=Filters(candidates=asked, exclude_seen=False),
        session=tuple(known),
    )
    ranked = teller.answering.answer(request)
    slates = dict(zip(ranked.item_ids, ranked.scores.tolist(), strict=True))
    rows = items.index.rows([*known])
    alike = np.max([similarity(items, int(row)) for row in rows], axis=0)
    popular = dict(zip(teller.tables.index.ids, teller.tables.prior.tolist(), strict=True))
    scores = {
        "slates": [slates[name] for name in asked],
        "similar gems": alike[items.index.rows(list(asked))].tolist(),
        "popularity alone": [popular[name] for name in asked],
    }
    return {name: _auc(np.array(each[: len(tried)]), np.array(each[len(tried) :])) for name, each in scores.items()}


def _auc(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Share of pairs in which a member scores higher; ties count half."""
    wins = members[:, None] > others[None, :]
    ties = members[:, None] == others[None, :]
    return float(np.mean(wins + 0.5 * ties))
