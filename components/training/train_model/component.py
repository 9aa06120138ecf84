"""A deep model."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def train_model(
    checked: dsl.Input[dsl.Dataset],
    name: str,
    models: str,
    preset: str,
    data_version: str,
    accelerator: str,
    seed: int,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> float:
    """Fit a deep model before the ranker's slice of time and before the test, so that its scores can be features.

    Args:
        checked: Output of `validate_data`.
        name: Of the model: ncf, wide_deep, sasrec, gru4rec or graphsage.
        models: Names of the models of this run with commas between; a model that is not among them is left out.
        preset: `plan`: the sizes of the plan; `auto`: sizes that fit the data.
        data_version: Fingerprint of the checked data. Not read: with it a result is only taken again for the same data.
        accelerator: cpu or gpu.
        seed: Of everything random.
        model: Parameters and settings, in `rank` and `test`; empty for a model that is left out.
        metrics: Epochs, last loss, best validation value.

    Returns:
        Best validation value, 0 where there was none.
    """
    from pathlib import Path

    folder = Path(model.path)
    folder.mkdir(parents=True)
    if name not in [each.strip() for each in models.split(",")]:
        return 0.0

    from hidden_gems.steps import learning

    figures = learning.train_model(Path(checked.path), folder, name, preset, seed, accelerator)
    for metric, value in figures.items():
        metrics.log_metric(metric, value)
    return figures["validation"]
