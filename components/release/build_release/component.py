"""Pack a release."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def build_release(
    checked: dsl.Input[dsl.Dataset],
    models: dsl.Input[dsl.Model],
    ranker: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    page: dsl.Input[dsl.HTML],
    decision: dsl.Input[dsl.Artifact],
    releases_uri: str,
    redis: str,
    seed: int,
    card: dsl.Output[dsl.Markdown],
) -> str:
    """Export the models, prove that they answer alike, and publish the release folder whole or not at all.

    Args:
        checked: Output of `validate_data`.
        models: Output of `fit_blend`.
        ranker: Output of `fit_lambdamart`.
        evaluation: Output of `evaluate_models`.
        page: Report of `evaluate_models`.
        decision: Output of `gate_release`.
        releases_uri: Folder of the releases of this dataset, any fsspec address.
        redis: Address of the store that maps pseudonyms to embedding rows, as host:port.
        seed: The seed of the run, for the record.
        card: Model card.

    Returns:
        Folder of the release.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from hidden_gems.steps import packing

    with TemporaryDirectory() as scratch:
        release = packing.build_release(
            packing.Parts(
                checked=Path(checked.path),
                models=Path(models.path),
                ranker=Path(ranker.path),
                evaluation=Path(evaluation.path),
                page=Path(page.path),
                decision=Path(decision.path),
            ),
            releases_uri,
            redis,
            seed,
            Path(scratch),
        )
        Path(card.path).write_text((release / "reports" / "model_card.md").read_text())
    return f"{releases_uri.rstrip('/')}/{release.name}"
