"""Components that fit models."""
