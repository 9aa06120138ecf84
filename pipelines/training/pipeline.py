"""From a folder of interactions to a judged release."""

from kfp import dsl

from components.data.build_training_set.component import build_training_set
from components.data.validate_data.component import validate_data
from components.evaluation.evaluate_models.component import evaluate_models
from components.evaluation.gate_release.component import gate_release
from components.features.materialize_features.component import materialize_features
from components.images import TRAIN
from components.release.build_release.component import build_release
from components.release.register_release.component import register_release
from components.training.fit_blend.component import fit_blend
from components.training.fit_lambdamart.component import fit_lambdamart
from components.training.train_model.component import train_model


@dsl.pipeline(
    name="hidden-gems-training",
    description="Check the data, train deep models, their blend and LambdaMART, judge them, build a release.",
)
def training(
    dataset_uri: str = "s3://hidden-gems-data/istanbul",
    timezone: str = "Europe/Istanbul",
    max_rejected_share: float = 0.01,
    models: str = "ncf,wide_deep,sasrec,gru4rec,graphsage",
    preset: str = "auto",
    seed: int = 0,
    engine: str = "duckdb",
    redis: str = "redis:6379",
    feast_folder: str = "s3://hidden-gems-features",
    releases_uri: str = "s3://hidden-gems-releases/istanbul",
    mlflow_uri: str = "http://mlflow:5000",
    image: str = TRAIN,
) -> str:
    """Train and judge one release.

    Args:
        dataset_uri: Folder with the files of the dataset contract.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        models: Names of the deep models to train, with commas between.
        preset: Sizes of the deep models: `plan` or `auto`.
        seed: Of everything random.
        engine: What labels and counts for the training set, duckdb or spark; the rows are the same.
        redis: Address of the online store as host:port.
        feast_folder: Folder for the registry and the offline files of Feast.
        releases_uri: Folder of the releases of this dataset.
        mlflow_uri: Tracking address of MLflow.
        image: Container image of every step.

    Returns:
        Folder of the release.
    """
    data = validate_data(dataset_uri=dataset_uri, timezone=timezone, max_rejected_share=max_rejected_share)
    checked = data.outputs["checked"]
    examples = build_training_set(checked=checked, seed=seed, engine=engine)
    features = materialize_features(checked=checked, redis=redis, feast_folder=feast_folder)
    ncf = train_model(checked=checked, name="ncf", models=models, preset=preset, seed=seed)
    wide_deep = train_model(checked=checked, name="wide_deep", models=models, preset=preset, seed=seed)
    sasrec = train_model(checked=checked, name="sasrec", models=models, preset=preset, seed=seed)
    gru4rec = train_model(checked=checked, name="gru4rec", models=models, preset=preset, seed=seed)
    graphsage = train_model(checked=checked, name="graphsage", models=models, preset=preset, seed=seed)
    blend = fit_blend(
        checked=checked,
        ncf=ncf.outputs["model"],
        wide_deep=wide_deep.outputs["model"],
        sasrec=sasrec.outputs["model"],
        gru4rec=gru4rec.outputs["model"],
        graphsage=graphsage.outputs["model"],
        seed=seed,
    )
    deep = blend.outputs["models"]
    ranker = fit_lambdamart(checked=checked, training_set=examples.outputs["training_set"], models=deep, seed=seed)
    judged = evaluate_models(checked=checked, models=deep, ranker=ranker.outputs["model"], seed=seed)
    gate = gate_release(evaluation=judged.outputs["evaluation"], releases_uri=releases_uri, seed=seed)
    release = build_release(
        checked=checked,
        models=deep,
        ranker=ranker.outputs["model"],
        evaluation=judged.outputs["evaluation"],
        page=judged.outputs["page"],
        decision=gate.outputs["decision"],
        releases_uri=releases_uri,
        redis=redis,
        seed=seed,
    )
    registered = register_release(
        release_uri=release.outputs["Output"], releases_uri=releases_uri, mlflow_uri=mlflow_uri
    )
    trained = (ncf, wide_deep, sasrec, gru4rec, graphsage)
    for task in (data, examples, features, *trained, blend, ranker, judged, gate, release, registered):
        task.set_container_image(image).set_retry(num_retries=2, backoff_duration="60s")
        task.set_cpu_request("1").set_cpu_limit("4").set_memory_request("4Gi").set_memory_limit("16Gi")
    for task in (data, features, gate, release, registered):  # these read or change the world outside
        task.set_caching_options(enable_caching=False)
    return registered.outputs["Output"]
