"""The ranker."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def fit_lambdamart(
    checked: dsl.Input[dsl.Dataset],
    training_set: dsl.Input[dsl.Dataset],
    ncf: dsl.Input[dsl.Model],
    seed: int,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> int:
    """Fit LambdaMART on the 60 features, scores of models that were fitted before its rows among them.

    Args:
        checked: Output of `validate_data`.
        training_set: Output of `build_training_set`.
        ncf: Output of `train_ncf` with until = rank.
        seed: Of everything random.
        model: Booster and the names of its features.
        metrics: Trees, queries, and the share of gain of the five strongest features.

    Returns:
        Number of trees.
    """
    from pathlib import Path

    from hidden_gems.steps import learning

    report = learning.fit_lambdamart(
        Path(checked.path), Path(training_set.path), {"ncf": Path(ncf.path)}, Path(model.path), seed
    )
    for name, value in report.items():
        metrics.log_metric(name, value)
    return int(report["trees"])
