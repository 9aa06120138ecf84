"""Judge the models on the test."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def evaluate_models(
    checked: dsl.Input[dsl.Dataset],
    models: dsl.Input[dsl.Model],
    ranker: dsl.Input[dsl.Model],
    data_version: str,
    seed: int,
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    page: dsl.Output[dsl.HTML],
) -> float:
    """Judge the models and LambdaMART on the last slice of time beside simple ones, under three protocols.

    Args:
        checked: Output of `validate_data`.
        models: Output of `fit_blend`.
        ranker: Output of `fit_lambdamart`.
        data_version: Fingerprint of the checked data. Not read: with it a result is only taken again for the same data.
        seed: Of the bootstrap and the drawn negatives.
        evaluation: All figures with intervals, and the value of each person for the gate.
        metrics: NDCG@10 of each model under each protocol.
        page: The report.

    Returns:
        NDCG@10 of LambdaMART, full catalogue, new places.
    """
    from pathlib import Path

    from hidden_gems.steps import judging

    figures = judging.evaluate_models(
        Path(checked.path),
        Path(models.path),
        Path(ranker.path),
        Path(evaluation.path),
        Path(page.path),
        seed,
    )
    for name, value in figures.items():
        metrics.log_metric(name, value)
    return next((value for name, value in figures.items() if name.startswith("lambdamart")), 0.0)
