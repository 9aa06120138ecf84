"""What the ranker learns from."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def build_training_set(
    checked: dsl.Input[dsl.Dataset],
    data_version: str,
    seed: int,
    engine: str,
    training_set: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
) -> int:
    """Make queries of labelled candidates from the ranker's slice of time, with the counts known at each moment.

    Args:
        checked: Output of `validate_data`.
        data_version: Fingerprint of the checked data. Not read: with it a result is only taken again for the same data.
        seed: Of the draw of queries and negatives.
        engine: What labels and counts, duckdb or spark (with the extra `scale`); the rows are the same.
        training_set: Marks with their labels, and the raw columns behind their features.
        metrics: Queries, rows, and the share of rows with a label above 0.

    Returns:
        Number of rows.
    """
    from pathlib import Path

    from hidden_gems.steps import learning

    counts = learning.build_training_set(Path(checked.path), Path(training_set.path), seed, engine)
    for name, value in counts.items():
        metrics.log_metric(name, value)
    return int(counts["rows"])
