"""Names of the topics, and the version of the messages in them."""

from hidden_gems.core.clock import DAY_SECONDS

INTERACTIONS = "interactions.v1"
IMPRESSIONS = "impressions.v1"
ITEMS = "items.v1"
"""Compacted; the key is the item id. All others: the pseudonym of the person."""
DRIFT = "drift.v1"
DEAD_LETTERS = "dead_letter.v1"
DOOR = "POST /v1/events"
"""Stands in a dead letter for the topic where the collector refused an event; its offset is the place in the list."""

TOPICS = (INTERACTIONS, IMPRESSIONS, ITEMS, DRIFT, DEAD_LETTERS)
TOPIC_SECONDS = 7 * DAY_SECONDS
"""How long messages about people stay in a topic (decision 28)."""
SCHEMA_VERSION = 1
