"""The door for recommendations: one request in, one slate out."""
