"""The training set of data larger than memory, with Spark."""
