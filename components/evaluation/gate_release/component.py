"""May this release be promoted?"""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def gate_release(
    evaluation: dsl.Input[dsl.Artifact], releases_uri: str, seed: int, decision: dsl.Output[dsl.Artifact]
) -> str:
    """Decide from the figures: above the floor, and not worse than the champion of the same dataset.

    The decision is data: the next steps read and obey it.

    Args:
        evaluation: Output of `evaluate_models`.
        releases_uri: Releases of this dataset, any fsspec address; the pointer `stable` there names the champion.
        seed: Of the bootstrap.
        decision: JSON with `promote` and the reasons.

    Returns:
        `promote` or `hold`.
    """
    from pathlib import Path

    from hidden_gems.steps import gating

    return gating.gate_release(Path(evaluation.path), releases_uri, Path(decision.path), seed)
