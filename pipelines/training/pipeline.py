"""From a folder of interactions to a judged release."""

from typing import Any

from kfp import dsl

from components.data.build_training_set.component import build_training_set
from components.data.validate_data.component import validate_data
from components.evaluation.evaluate_models.component import evaluate_models
from components.evaluation.gate_release.component import gate_release
from components.features.materialize_features.component import materialize_features
from components.images import TRAIN
from components.placing import FEAST, KEYS, REDIS, place, secrets, with_gpus
from components.release.build_release.component import build_release
from components.release.register_release.component import register_release
from components.training.fit_blend.component import fit_blend
from components.training.fit_lambdamart.component import fit_lambdamart
from components.training.train_model.component import train_model


def made(name: str, gpus: int) -> Any:
    """The pipeline.

    Args:
        name: In the UI.
        gpus: Of each step that trains a deep model; KFP knows no parameter for it.
    """

    @dsl.pipeline(
        name=name,
        description="Check the data, train deep models, their blend and LambdaMART, judge them, build a release."
        + (f" Deep models have {gpus} GPU." if gpus else ""),
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
            dataset_uri: Folder with the files of the dataset contract, as s3://bucket/folder.
            timezone: IANA name of the time zone that local hours are read with.
            max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
            models: Names of the deep models to train, with commas between.
            preset: Sizes of the deep models: `plan` or `auto`.
            seed: Of everything random.
            engine: What labels and counts for the training set, duckdb or spark; the rows are the same.
            redis: Address of the online store as host:port.
            feast_folder: Folder for the offline files of Feast.
            releases_uri: Folder of the releases of this dataset.
            mlflow_uri: Tracking address of MLflow.
            image: Container image of every step.

        Returns:
            Folder of the release.
        """
        data = validate_data(dataset_uri=dataset_uri, timezone=timezone, max_rejected_share=max_rejected_share)
        checked, version = data.outputs["checked"], data.outputs["Output"]
        examples = build_training_set(checked=checked, data_version=version, seed=seed, engine=engine)
        features = materialize_features(checked=checked, redis=redis, feast_folder=feast_folder)
        deep = {}
        for name in ("ncf", "wide_deep", "sasrec", "gru4rec", "graphsage"):
            deep[name] = train_model(
                checked=checked,
                name=name,
                models=models,
                preset=preset,
                data_version=version,
                accelerator="gpu" if gpus else "cpu",
                seed=seed,
            ).set_display_name(f"train-{name.replace('_', '-')}")
        blend = fit_blend(
            checked=checked,
            ncf=deep["ncf"].outputs["model"],
            wide_deep=deep["wide_deep"].outputs["model"],
            sasrec=deep["sasrec"].outputs["model"],
            gru4rec=deep["gru4rec"].outputs["model"],
            graphsage=deep["graphsage"].outputs["model"],
            data_version=version,
            seed=seed,
        )
        gathered = blend.outputs["models"]
        ranker = fit_lambdamart(
            checked=checked,
            training_set=examples.outputs["training_set"],
            models=gathered,
            data_version=version,
            seed=seed,
        )
        judged = evaluate_models(
            checked=checked, models=gathered, ranker=ranker.outputs["model"], data_version=version, seed=seed
        )
        gate = gate_release(evaluation=judged.outputs["evaluation"], releases_uri=releases_uri, seed=seed)
        release = build_release(
            checked=checked,
            models=gathered,
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
        for task in (examples, *deep.values(), blend, ranker, judged):
            place(task, image)
        for task in deep.values() if gpus else ():
            with_gpus(task, gpus)
        for task in (data, features, gate, release, registered):
            place(task, image, outside=True)
        secrets(data, KEYS)
        secrets(features, KEYS, REDIS, FEAST)
        secrets(release, REDIS)
        return registered.outputs["Output"]

    return training


training, training_gpu = made("hidden-gems-training", gpus=0), made("hidden-gems-training-gpu", gpus=1)
