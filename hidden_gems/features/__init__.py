"""Ranking features: their names, their counts, their one vector."""
