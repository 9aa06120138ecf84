"""Components that read and prepare data."""
