"""What a backend installs: typed calls of the recommender and of the collector, and the card of an answer."""

from hidden_gems.client.answers import Accepted, Explanation, Item, Prediction
from hidden_gems.client.asynchronous import AsyncClient
from hidden_gems.client.card import render
from hidden_gems.client.errors import ClientError
from hidden_gems.client.synchronous import Client

__all__ = ["Accepted", "AsyncClient", "Client", "ClientError", "Explanation", "Item", "Prediction", "render"]
