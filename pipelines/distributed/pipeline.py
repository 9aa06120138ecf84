"""One deep model on several machines."""

from kfp import dsl

from components.data.validate_data.component import validate_data
from components.images import TRAIN
from components.placing import KEYS, place, secrets
from components.training.train_distributed.component import train_distributed


@dsl.pipeline(
    name="hidden-gems-distributed",
    description="Fit a deep model on several machines with a TrainJob of Kubeflow Trainer, which ends with the run.",
)
def distributed(
    dataset_uri: str = "s3://hidden-gems-data/istanbul",
    timezone: str = "Europe/Istanbul",
    max_rejected_share: float = 0.01,
    model: str = "sasrec",
    until: str = "now",
    preset: str = "plan",
    seed: int = 0,
    nodes: int = 2,
    gpus: int = 1,
    work_uri: str = "s3://hidden-gems-artifacts/distributed",
    namespace: str = "gems-training",
    service_account: str = "trainer",
    mlflow_uri: str = "http://mlflow.gems-mlflow:5000",
    image: str = TRAIN,
) -> float:
    """Fit one model where one machine is too slow or too small.

    Args:
        dataset_uri: Folder with the files of the dataset contract, as s3://bucket/folder.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        model: ncf, wide_deep, sasrec, gru4rec or graphsage.
        until: `rank`: before the slice of time that the ranker learns from; `test`: before the test; `now`: all.
        preset: Sizes of the model: `plan` or `auto`.
        seed: Of everything random.
        nodes: Machines.
        gpus: Of each machine; 0 trains on processors.
        work_uri: Folder that every machine reaches, for the data, checkpoints and the model.
        namespace: Of the TrainJob.
        service_account: Of the TrainJob's pods.
        mlflow_uri: Tracking address of MLflow.
        image: Container image of every step and of the TrainJob.

    Returns:
        Best validation value.
    """
    data = validate_data(dataset_uri=dataset_uri, timezone=timezone, max_rejected_share=max_rejected_share)
    fit = train_distributed(
        checked=data.outputs["checked"],
        model_name=model,
        until=until,
        seed=seed,
        where="cluster",
        nodes=nodes,
        devices=gpus,
        processes=1,
        work_uri=f"{work_uri}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
        namespace=namespace,
        image=image,
        service_account=service_account,
        preset=preset,
        loop='{"accelerator": "auto"}',
        mlflow_uri=mlflow_uri,
    )
    secrets(place(data, image, outside=True), KEYS)
    place(fit, image, outside=True)
    return fit.outputs["Output"]
