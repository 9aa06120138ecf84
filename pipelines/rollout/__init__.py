"""One step of a rollout: a release, and the share of the people that it answers."""
