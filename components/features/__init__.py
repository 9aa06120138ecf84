"""Components that fill the feature store."""
