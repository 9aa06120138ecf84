"""Negatives, the loop, and how each deep model is fitted."""
