"""Off-policy estimation: what a policy would earn, out of what another one logged."""
