"""The dataset folder: read, validate, split, fingerprint."""
