"""What a backend installs: typed calls of the recommender and of the collector, the card, and the checker of texts."""

from hidden_gems.client.answers import Accepted, Explanation, Item, Prediction, Trace
from hidden_gems.client.asynchronous import AsyncClient
from hidden_gems.client.card import render
from hidden_gems.client.checking import Verdict, check_text
from hidden_gems.client.errors import ClientError
from hidden_gems.client.facts import Facts, facts_of
from hidden_gems.client.synchronous import Client

__all__ = [
    "Accepted", "AsyncClient", "Client", "ClientError", "Explanation", "Facts", "Item", "Prediction", "Trace",
    "Verdict", "check_text", "facts_of", "render",
]  # fmt: skip
