"""Put everyone's features into the online store."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def materialize_features(
    checked: dsl.Input[dsl.Dataset], redis: str, feast_folder: str, metrics: dsl.Output[dsl.Metrics]
) -> int:
    """Count as of the dataset's last moment and materialize the rows of everyone and everything by Feast.

    Args:
        checked: Output of `validate_data`.
        redis: Address of the online store as host:port.
        feast_folder: For the offline files of Feast, any fsspec address, and its registry where that is a file.
        metrics: Rows of people and of items, and rows replaced because the store held others of the same second.

    Returns:
        Number of rows of people.
    """
    from pathlib import Path

    from hidden_gems.steps import learning

    counts = learning.materialize_features(Path(checked.path), redis, feast_folder)
    for name, value in counts.items():
        metrics.log_metric(name, value)
    return counts["users"]
