"""Names of keys in the key-value store: one home, so that writers and readers agree."""

ONLINE_STATE = "online:state"
"""Arms and item factors, one value with its version inside."""
ONLINE_VERSION = "online:version"
"""Version of the state above, as text; written after it."""
ROW_CHANGES = "changes:rows"
"""Feed: id of each item whose row in the feature store changed, scored by the state version that changed it."""
ITEM_CHANGES = "changes:items"
"""Feed: id of each item that entered, changed or closed, scored by the counter below."""
ITEM_COUNTER = "changes:items:count"
LEARNER_REDO = "learner:redo"
"""What the last batch of the learner still has to write; gone once it is written."""
LEARNER_GENERATION = "learner:generation"
"""Number of the learner that may write, as text; whoever takes over writes a higher one."""
LEARNER_BEAT = "learner:beat"
"""Counter that the active learner moves while it lives; not there where it has left."""
LEARNER_ERASURES = "learner:erasures"
"""Score of the last erasure below that the learner has followed."""
LEARNER_CROWD = "learner:crowd"
"""How much praise of each gem by strangers has counted today, as JSON."""
LEARNER_ORDER = "learner:order"
"""What the learner is asked to take back, as JSON; gone once it is done."""
LEARNER_ANSWER = "learner:answer"
"""What became of the last order, as JSON."""
ERASURES = "changes:erasures"
"""Feed: pseudonym of each person who was erased, scored by the counter below; what a process holds must go too."""
ERASURE_COUNTER = "changes:erasures:count"
FORGOTTEN = "forgotten:"
"""Start of the feeds below."""


def embedding_row(release: str, user_id: str) -> str:
    """A person's row among the embeddings of a release; outside the release, so that a person can be forgotten."""
    return f"row:{release}:{user_id}"


def factors(user_id: str) -> str:
    """A person's online factors."""
    return f"factors:{user_id}"


def dismissed(user_id: str) -> str:
    """Items a person dismissed, newest first."""
    return f"dismissed:{user_id}"


def recent_events(user_id: str) -> str:
    """A person's own recent events, newest first."""
    return f"recent:{user_id}"


def event(event_id: str) -> str:
    """Hash of an event's content, to tell a repeated id from a conflict."""
    return f"event:{event_id}"


def live_item(item_id: str) -> str:
    """Last `ItemChange` of an item, as JSON."""
    return f"item:{item_id}"


def slate(slate_id: str) -> str:
    """An answer that was given, kept for its explanations."""
    return f"slate:{slate_id}"


def kept_slates(user_id: str) -> str:
    """Ids of the kept slates of a person, newest first."""
    return f"slates:{user_id}"


def answered(slate_id: str, item_id: str) -> str:
    """Id of the event that first answered a slate's item by a click or better."""
    return f"answered:{slate_id}:{item_id}"


def applied(message_id: str) -> str:
    """Mark that an event or a slate has had its effect on the live models."""
    return f"applied:{message_id}"


def counted(slate_id: str, item_id: str, event_type: str) -> str:
    """Mark that one type of feedback about one impression has counted."""
    return f"counted:{slate_id}:{item_id}:{event_type}"


def moved_today(user_id: str) -> str:
    """How often a person has moved each item today, as JSON."""
    return f"moved:{user_id}"


def consent(user_id: str) -> str:
    """Whether a person's answers may be personal: `off`, or nothing and `on`."""
    return f"consent:{user_id}"


def removed_beliefs(user_id: str) -> str:
    """Beliefs a person removed (`type:cafe`, `neighborhood:Balat`), newest first, perhaps twice; never to be used."""
    return f"unbelieved:{user_id}"


def erased(user_id: str) -> str:
    """Epoch seconds as text: what was received of a person up to then is erased, and not taken again from a replay."""
    return f"erased:{user_id}"


def forgotten(store: str) -> str:
    """Feed: pseudonym of each person whom a store has forgotten, with the score of the erasure that it followed."""
    return f"{FORGOTTEN}{store}"


def erasure(receipt: str) -> str:
    """What became of an erasure, as JSON."""
    return f"erasure:{receipt}"
