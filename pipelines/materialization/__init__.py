"""Rows of people and gems as of now, from the history to the online store."""
