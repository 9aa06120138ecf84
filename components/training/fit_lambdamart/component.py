"""The ranker."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def fit_lambdamart(
    checked: dsl.Input[dsl.Dataset],
    training_set: dsl.Input[dsl.Dataset],
    models: dsl.Input[dsl.Model],
    data_version: str,
    seed: int,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> int:
    """Fit LambdaMART on the 60 features, scores of models that were fitted before its rows among them.

    Args:
        checked: Output of `validate_data`.
        training_set: Output of `build_training_set`.
        models: Output of `fit_blend`.
        data_version: Fingerprint of the checked data. Not read: with it a result is only taken again for the same data.
        seed: Of everything random.
        model: Booster and the names of its features.
        metrics: Trees, queries, and the share of gain of the five strongest features.

    Returns:
        Number of trees.
    """
    from pathlib import Path

    from hidden_gems.steps import learning

    report = learning.fit_lambdamart(
        Path(checked.path), Path(training_set.path), Path(models.path), Path(model.path), seed
    )
    for name, value in report.items():
        metrics.log_metric(name, value)
    return int(report["trees"])
