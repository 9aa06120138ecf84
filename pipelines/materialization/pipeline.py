"""Rows of people and gems as of now, from the history to the online store."""

from kfp import dsl

from components.data.validate_data.component import validate_data
from components.features.materialize_features.component import materialize_features
from components.images import TRAIN
from components.placing import FEAST, KEYS, REDIS, place, secrets


@dsl.pipeline(
    name="hidden-gems-materialization",
    description="Check the data, count as of their last moment, and write the rows of people and gems by Feast.",
)
def materialization(
    dataset_uri: str = "s3://hidden-gems-data/istanbul",
    timezone: str = "Europe/Istanbul",
    max_rejected_share: float = 0.01,
    redis: str = "redis:6379",
    feast_folder: str = "s3://hidden-gems-features",
    image: str = TRAIN,
) -> int:
    """Fill the feature store from the history: on the first day, after a loss, or on a schedule.

    Args:
        dataset_uri: Folder with the files of the dataset contract, as s3://bucket/folder.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        redis: Address of the online store as host:port.
        feast_folder: Folder for the offline files of Feast.
        image: Container image of every step.

    Returns:
        Number of rows of people.
    """
    data = validate_data(dataset_uri=dataset_uri, timezone=timezone, max_rejected_share=max_rejected_share)
    rows = materialize_features(checked=data.outputs["checked"], redis=redis, feast_folder=feast_folder)
    secrets(place(data, image, outside=True), KEYS)
    secrets(place(rows, image, outside=True), KEYS, REDIS, FEAST)
    return rows.outputs["Output"]
