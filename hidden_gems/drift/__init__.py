"""When something has changed: one detector a file."""
