"""Everything that is said about why a gem is shown: quickly from facts, or in full from the ranker's contributions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.explain.alignment import context_alignment
from hidden_gems.explain.asking import Scored
from hidden_gems.explain.attention import attention
from hidden_gems.explain.counterfactuals import counterfactuals, no_reasons
from hidden_gems.explain.reasons import TOP_CONCEPTS, explain
from hidden_gems.explain.templates import Language
from hidden_gems.explain.wording import Facts, Phrase, known, phrase, texts
from hidden_gems.features.local_time import local_time
from hidden_gems.features.request import RequestContext
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import History
from hidden_gems.recommend.request import Preferences
from hidden_gems.recommend.rules import Constraint

Vectors = NDArray[np.float32]

SIMILAR = 3
BACKGROUND = 20
"""Candidates that were not shown and stand for all of them when lifts are counted."""

_CONCEPTS_OF = {
    "own": "own", "nearby": "distance", "trending": "popularity", "item_knn": "people", "online": "people",
    "recent_popular": "popularity", "this_hour": "popularity", "graphsage": "people",
}  # fmt: skip
_BRIEF_ORDER = (
    "taste", "own", "distance", "neighborhood", "people", "popularity", "novelty", "hidden", "authenticity", "crowd",
    "quality", "time",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """The gems that are explained, k of them, with what is known of each."""

    items: tuple[Mapping[str, Any], ...]  # rows of the item table
    rows: tuple[int, ...]  # of the catalogue
    vectors: Vectors  # k X 60
    sources: tuple[tuple[str, ...], ...]
    confidence: tuple[float, ...]  # see `recommend.certainty.confidence`
    fired: Mapping[int, Constraint] = field(default_factory=dict)  # by number of the gem


@dataclass(frozen=True)
class Listener:
    """To whom and for which moment."""

    context: RequestContext
    language: Language
    preferences: Preferences = field(default_factory=Preferences)
    history: History | None = None

    @property
    def time_of_day(self) -> str | None:
        """Word of the vocabulary, None where times are only an order."""
        if self.context.order_only:
            return None
        at = local_time(np.array([self.context.timestamp]), self.context.timezone)
        return TIMES_OF_DAY[int(at.time_of_day[0])]


def brief(shown: Shown, listener: Listener) -> list[dict[str, Any]]:
    """Sentences for each gem, from facts and from the sources that found it; the ranker is not asked."""
    gems = _facts(shown, listener)
    told = [(facts, _reasons(facts, listener, shown.sources[place])) for place, facts in enumerate(gems)]
    return [
        {
            "text": text,
            "language": listener.language,
            "confidence": shown.confidence[place],
            "facts": _known(facts, listener, place),
        }
        for place, (text, facts) in enumerate(zip(texts(told, listener.language), gems, strict=True))
    ]


def _facts(shown: Shown, listener: Listener) -> list[Facts]:
    time_of_day = listener.time_of_day
    return [
        Facts(item, dict(zip(FEATURE_NAMES, vector, strict=True)), time_of_day)
        for item, vector in zip(shown.items, shown.vectors.tolist(), strict=True)
    ]


def _known(facts: Facts, listener: Listener, place: int) -> dict[str, bool | float | str]:
    """What the texts about a gem may tell, beside its names."""
    position = 0 if facts.text("name") else place + 1  # told of gems without a name
    weather = {"weather": listener.context.weather} if listener.context.weather else {}
    return known(facts, wished=bool(_wished(facts, listener)), position=position) | weather


def _reasons(facts: Facts, listener: Listener, sources: Sequence[str]) -> list[Phrase]:
    found = {_CONCEPTS_OF[source] for source in sources if source in _CONCEPTS_OF}
    order = sorted(_BRIEF_ORDER, key=lambda concept: concept not in found and concept != "taste")
    said = (phrase(concept, facts) for concept in order)
    return list(islice(chain(_wished(facts, listener), filter(None, said)), TOP_CONCEPTS))


def full(shown: Shown, listener: Listener, scored: Scored, items: LiveItems) -> list[dict[str, Any]]:
    """Every field of an explanation for each gem (contract §5).

    Args:
        shown: The gems.
        listener: Who asked, and when.
        scored: What the ranker said.
        items: The catalogue.
    """
    count = len(shown.items)
    rows = [*shown.items, *({} for _ in scored.background)]
    vectors = np.concatenate([shown.vectors, scored.background])
    void = no_reasons(scored.scores, scored.changed, scored.tried)
    reasons = explain(
        scored.contributions, vectors, FEATURE_NAMES, rows, range(count), listener.language, listener.time_of_day, void
    )
    gems = _facts(shown, listener)
    travel = FEATURE_NAMES.index("travel_minutes")
    return [
        {
            "text": reason.text,
            "language": reason.language,
            "confidence": shown.confidence[place],
            "facts": _known(gems[place], listener, place),
            "top_features": [
                {"name": each.name, "label": each.label, "importance": round(each.importance, 4)}
                for each in reason.top_features
            ],
            "similar_items": similar_items(shown.rows[place], listener.history, items),
            "context_alignment": context_alignment(
                shown.items[place], listener.context, listener.time_of_day, float(shown.vectors[place, travel])
            ),
            "counterfactuals": counterfactuals(scored.scores, scored.changed, scored.tried, place),
            "attention": attention(scored.looked, scored.lost, place, items),
            "diversity": _diversity(shown.fired.get(place)),
        }
        for place, reason in enumerate(reasons)
    ]


def similar_items(row: int, history: History | None, items: LiveItems) -> list[dict[str, Any]]:
    """What the person liked that is most like a gem; the rating is their best reward on the scale 1 to 5.

    Likeness is that of the release's item-to-item model; a gem that came later has none.

    Args:
        row: Of the gem.
        history: Of the person.
        items: The catalogue.
    """
    if history is None or row >= len(items.tables.index):
        return []
    liked = dict(zip(history.rows.tolist(), history.reward.tolist(), strict=True))
    near = [other for other in items.tables.neighbours[row].tolist() if other in liked and other != row]
    return [
        {
            "item_id": items.index.ids[other],
            "name": items.item(other).get("name"),
            "rating": round(1.0 + 4.0 * max(liked[other], 0.0)),
        }
        for other in near[:SIMILAR]
    ]


def _wished(facts: Facts, listener: Listener) -> list[Phrase]:
    kind = facts.text("type")
    return [Phrase("wished")] if kind in listener.preferences.types else []


def _diversity(fired: Constraint | None) -> dict[str, Any] | None:
    return None if fired is None else {"reason": fired.reason, "from": fired.kept_out, "to": fired.chosen}
