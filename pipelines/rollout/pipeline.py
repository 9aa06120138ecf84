"""One step of a rollout: a release, and the share of the people that it answers."""

from kfp import dsl

from components.images import TRAIN
from components.placing import place
from components.release.roll_out.component import roll_out


@dsl.pipeline(
    name="hidden-gems-rollout",
    description="Let the canary serve a release and answer a share of the people; 100 makes it stable, 0 ends it.",
)
def rollout(
    releases_uri: str = "s3://hidden-gems-releases/istanbul",
    version: str = "",
    percent: int = 5,
    without_estimate: bool = False,
    image: str = TRAIN,
) -> str:
    """Go one step forward, to the end, or back.

    Args:
        releases_uri: Folder of the releases of this dataset, as s3://bucket/folder.
        version: Of the release; empty with 0 percent, which leaves stable alone.
        percent: Of the people that the canary answers, 0 to 100.
        without_estimate: The release may have no estimate of its own policy.
        image: Container image of the step.

    Returns:
        What was done.
    """
    step = roll_out(releases_uri=releases_uri, version=version, percent=percent, without_estimate=without_estimate)
    return place(step, image, outside=True).outputs["Output"]
