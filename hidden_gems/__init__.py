"""Hidden Gems: a recommender for Istanbul that learns, ranks, explains and renews itself."""
