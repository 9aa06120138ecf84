"""The funnel: candidates, ranking, slate."""
