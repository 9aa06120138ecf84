"""A step of a rollout."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def roll_out(
    releases_uri: str, version: str, percent: int, without_estimate: bool, told: dsl.Output[dsl.Markdown]
) -> str:
    """Let the canary serve a release and answer a share of the people; at 100 it becomes stable, at 0 nobody has it.

    Each step can be repeated. A release is checked before anything is changed: it must have an estimate of its own
    policy, made from logged slates, and not be surely worse than what was shown.

    Args:
        releases_uri: Folder of the releases of this dataset, any fsspec address.
        version: Of the release; empty with 0 percent, which leaves stable alone.
        percent: Of the people that the canary answers, 0 to 100.
        without_estimate: The release may have no estimate; one that is surely worse is refused all the same.
        told: What was done, for people.

    Returns:
        The same in a line.
    """
    from pathlib import Path

    from hidden_gems.steps.rollout import Cluster, roll_out

    done = roll_out(Cluster(), releases_uri, version, percent, without_estimate)
    Path(told.path).write_text(done + "\n")
    return done
