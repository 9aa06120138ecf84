"""The blend of all models."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def fit_blend(
    checked: dsl.Input[dsl.Dataset],
    ncf: dsl.Input[dsl.Model],
    wide_deep: dsl.Input[dsl.Model],
    sasrec: dsl.Input[dsl.Model],
    gru4rec: dsl.Input[dsl.Model],
    graphsage: dsl.Input[dsl.Model],
    data_version: str,
    seed: int,
    models: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> float:
    """Gather the deep models of a run, and weigh them by how they order the ranker's slice, which they did not see.

    Args:
        checked: Output of `validate_data`.
        ncf: Output of `train_model`.
        wide_deep: Output of `train_model`.
        sasrec: Output of `train_model`.
        gru4rec: Output of `train_model`.
        graphsage: Output of `train_model`.
        data_version: Fingerprint of the checked data. Not read: with it a result is only taken again for the same data.
        seed: Of the run.
        models: All of them, with the weights beside.
        metrics: Cross-validated NDCG@10, and what each model adds to it.

    Returns:
        Cross-validated NDCG@10 of the blend, 0 where the data were too small for one.
    """
    from pathlib import Path

    from hidden_gems.steps import blending

    trained = {"ncf": ncf, "wide_deep": wide_deep, "sasrec": sasrec, "gru4rec": gru4rec, "graphsage": graphsage}
    folders = {name: Path(each.path) for name, each in trained.items()}
    figures = blending.fit_blend(Path(checked.path), folders, Path(models.path), seed)
    for metric, value in figures.items():
        metrics.log_metric(metric, value)
    return figures.get("ndcg", 0.0)
