"""Many models under the same protocols, and one model for everyone."""
