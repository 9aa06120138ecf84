"""Neural collaborative filtering."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def train_ncf(
    checked: dsl.Input[dsl.Dataset],
    until: str,
    seed: int,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> float:
    """Fit NCF on what came before a cut-off.

    Args:
        checked: Output of `validate_data`.
        until: `rank`: before the slice of time that the ranker learns from; `test`: before the test.
        seed: Of everything random.
        model: Parameters and settings.
        metrics: Epochs, last loss, best validation value.

    Returns:
        Best validation value, 0 where the log was too small for one.
    """
    from pathlib import Path

    from hidden_gems.steps import learning

    report = learning.train_deep("ncf", Path(checked.path), Path(model.path), until, seed)
    for name, value in report.items():
        metrics.log_metric(name, value)
    return report["validation"]
