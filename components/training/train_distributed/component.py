"""One deep model in several processes."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def train_distributed(
    checked: dsl.Input[dsl.Dataset],
    model_name: str,
    until: str,
    seed: int,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    where: str = "local",
    processes: int = 2,
    nodes: int = 1,
    devices: int = 0,
    work_uri: str = "",
    namespace: str = "",
    image: str = "",
    service_account: str = "",
    environment: dict[str, str] = {},  # noqa: B006 - KFP writes it into the YAML
    deadline_seconds: int = 21600,
    preset: str = "auto",
    loop: str = "{}",
    mlflow_uri: str = "",
) -> float:
    """Fit a deep model in several processes, on this machine or as a TrainJob of Kubeflow Trainer.

    The step waits for the TrainJob, deletes it when the run is ended, and goes on with one that is still at work when
    it is tried again; the processes go on from their last checkpoint.

    Args:
        checked: Output of `validate_data`.
        model_name: A deep model of the shelf, as `ncf`.
        until: `rank`: before the slice of time that the ranker learns from; `test`: before the test; `now`: all.
        seed: Of everything random.
        model: Parameters, facts and settings.
        metrics: Epochs, last loss, best validation value, seconds, peak memory.
        where: `local`: processes of this container under torchrun; `cluster`: a TrainJob.
        processes: On each machine.
        nodes: Machines of the TrainJob.
        devices: GPUs of each machine of the TrainJob; its nodes may be tainted for them.
        work_uri: Folder of this run alone for checkpoints, and for what every node of the TrainJob has to reach.
        namespace: Of the TrainJob.
        image: Of the TrainJob.
        service_account: Of the TrainJob's pods; empty: the runtime's.
        environment: Variables of the TrainJob's pods.
        deadline_seconds: After that long the TrainJob is ended.
        preset: `auto`: sizes that fit the data; `plan`: those of the plan.
        loop: JSON of fields of the loop's config that take the place of the model's, as `{"accelerator": "gpu"}`.
        mlflow_uri: Tracking address; empty: nothing is tracked.

    Returns:
        Best validation value, 0 where the log was too small for one.
    """
    from pathlib import Path

    from hidden_gems.steps.distributed import Fit, Place, train_distributed

    fit = Fit(model_name, until, seed, preset, loop, mlflow_uri)
    place = Place(
        where, processes, nodes, devices, work_uri, namespace, image, service_account, environment, deadline_seconds
    )
    report = train_distributed(Path(checked.path), Path(model.path), fit, place)
    for name in ("epochs", "loss", "validation", "seconds", "peak_bytes", "processes"):
        metrics.log_metric(name, report[name])
    return report["validation"]
