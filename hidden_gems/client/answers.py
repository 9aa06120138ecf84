"""What comes back, typed; fields that a newer server adds are kept and can be read by name."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Reason(_Answer):
    """One thing that lifted a gem above the other candidates."""

    name: str
    label: str = ""
    importance: float  # share of everything that lifted it, 0 to 1


class SimilarItem(_Answer):
    """A place the person knows that is like the one shown."""

    item_id: str
    name: str | None = None
    rating: float | None = None  # 1 to 5


class Explanation(_Answer):
    """Why this gem, for this person, now; which parts are there depends on `explain` and on what is known."""

    text: str = ""
    language: str = "en"
    confidence: float | None = None  # 0 to 1
    facts: dict[str, bool | float | str] = Field(default_factory=dict)  # what may be told, see `client.Facts`
    top_features: tuple[Reason, ...] = ()
    similar_items: tuple[SimilarItem, ...] = ()
    context_alignment: dict[str, float] | None = None  # time, weather, distance: each 0 to 1
    counterfactuals: tuple[dict[str, Any], ...] = ()
    attention: tuple[dict[str, Any], ...] = ()
    diversity: dict[str, Any] | None = None


class Draw(_Answer):
    """What one position of a slate was for a gem that was not yet shown."""

    position: int  # from 0
    item_id: str  # that is shown there
    probability: float  # of the gem to be shown there instead, 0 where a rule kept it out
    likeness_took: float = 0.0  # utility that it lost for its likeness to one above
    kept_out_by: tuple[str, ...] = ()  # rules: ceiling, share


class Trace(_Answer):
    """One gem through every stage of a slate; a stage that it did not reach says nothing of it."""

    stage: str  # where it ended: filters, candidates, draw, shown
    slate_id: str
    item_id: str
    policy: str
    release: str
    catalogue: int  # gems
    fails: tuple[str, ...] = ()  # conditions that it failed
    candidates: int  # gems that a source named
    shown: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    score: float | None = None  # of the ranker
    score_rank: int | None = None  # from 1
    expected_reward: float | None = None  # that an impression was believed to earn, 0 to 1
    utility: float | None = None  # score, belief, wishes and business weights together
    utility_rank: int | None = None
    draws: tuple[Draw, ...] = ()
    position: int | None = None
    constraints: tuple[str, ...] = ()  # that changed the position


class Item(_Answer):
    """One served gem; its own facts are None where the data do not know them."""

    item_id: str
    position: int  # from 0
    score: float
    propensity: float
    impression_token: str  # empty for somebody who has not agreed to be known
    name: str | None = None
    type: str | None = None
    neighborhood: str | None = None
    lat: float | None = None
    lon: float | None = None
    authenticity: float | None = None  # 0 to 1, opinion of editors
    source: tuple[str, ...] = ()
    explanation: Explanation | None = None


class Prediction(_Answer):
    """An answer to one person: the slate, and how it was made."""

    slate_id: str
    user_id: str
    policy: str
    release: str
    variant: str = ""  # online or static; empty where the answer is no part of that comparison
    degraded: tuple[str, ...] = ()  # parts that a fallback answered for
    short: bool = False  # fewer items than were asked for
    items: tuple[Item, ...] = ()

    def item(self, item_id: str) -> Item:
        """One of its items.

        Raises:
            KeyError: If the gem is not in this answer.
        """
        for item in self.items:
            if item.item_id == item_id:
                return item
        raise KeyError(item_id)


class Rejection(_Answer):
    """An event that was not taken, and why."""

    index: int  # in the list that was sent
    event_id: str | None = None
    reason: str  # a code
    message: str = ""
    field: str | None = None


class Accepted(_Answer):
    """What became of events that were sent."""

    accepted: int
    unsigned: int = 0  # of the accepted ones, without a valid token: history, but they move nothing live
    duplicates: int = 0
    rejected: tuple[Rejection, ...] = ()


class UserEvent(_Answer):
    """One event of a person, as the collector took it."""

    event_id: str
    item_id: str
    event_type: str
    timestamp: float  # epoch seconds
    value: float | None = None


class UserEvents(_Answer):
    """A person's recent events, newest first."""

    user_id: str
    events: tuple[UserEvent, ...] = ()


class ItemTaken(_Answer):
    """A gem's change that was written; it shows in answers within 60 s."""

    item_id: str
    timestamp: float  # epoch seconds
    closed_until: float | None = None
    ignored: tuple[str, ...] = ()  # columns that nobody knows


class Consent(_Answer):
    """Whether answers to a person may be personal."""

    user_id: str
    personalisation: bool


class Belief(_Answer):
    """Something we believe a person likes, and from what."""

    belief: str  # as "type:cafe"
    likes: int
    share: float  # of the likes of its kind, 0 to 1
    removed: bool = False


class Profile(_Answer):
    """What we believe a person likes."""

    user_id: str
    personalisation: bool
    beliefs: tuple[Belief, ...] = ()


class StoreErasure(_Answer):
    """What became of an erasure in one store."""

    store: str
    state: str  # done, or pending until the deadline
    deadline: str | None = None


class Erasure(_Answer):
    """What became of an erasure, store by store."""

    receipt: str
    requested_at: str
    stores: tuple[StoreErasure, ...] = ()


class Export(_Answer):
    """Everything that the online stores hold about a person."""

    user_id: str
    exported_at: str
