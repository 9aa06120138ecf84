"""Event kinds, rewards and labels."""
