"""How good a ranking is: metrics, protocols, intervals, gates, reports."""
