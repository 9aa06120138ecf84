"""Reasons: what the ranker weighed, in words."""
