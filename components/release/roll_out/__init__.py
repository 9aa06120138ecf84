"""A step of a rollout."""
