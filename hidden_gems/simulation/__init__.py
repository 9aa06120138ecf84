"""The seeded city: people, weather, crowds, clicks with known truth; everything it makes is simulated."""
