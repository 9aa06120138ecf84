"""The training set of a folder that is larger than memory."""

from kfp import dsl

from components.images import SCALE, TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def prepare_at_size(
    dataset_uri: str,
    out_uri: str,
    timezone: str,
    max_rejected_share: float,
    rows: str,
    namespace: str,
    metrics: dsl.Output[dsl.Metrics],
    executors: int = 4,
    executor_cores: int = 4,
    executor_gb: int = 16,
    driver_gb: int = 8,
    disk_gb: int = 100,
    image: str = SCALE,
    driver_account: str = "preparer",
    executor_account: str = "trainer",
    pool: str = "",
    environment: dict[str, str] = {},  # noqa: B006 - KFP writes it into the YAML
    deadline_seconds: int = 21600,
) -> str:
    """Check a dataset folder of any size and write its training set, with Spark, as a SparkApplication of the cluster.

    The step waits for the SparkApplication, deletes it when the run is ended, and goes on with one that is still at
    work when it is tried again.

    Args:
        dataset_uri: Folder with the files of the dataset contract, as s3://bucket/folder.
        out_uri: Folder of the training set; driver and executors exchange files in it meanwhile.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        rows: `all`: every impression with a final label; `ranker`: slates of the ranker's slice.
        namespace: Of the SparkApplication.
        metrics: Queries, rows, share of rows with a label above 0, seconds of the check and of the preparation.
        executors: Pods that join and count.
        executor_cores: Of each executor.
        executor_gb: Heap of each executor, GB; its pod has 1.4 times that.
        driver_gb: What the check holds in the driver before it goes to disk, GB; its pod has 6 more.
        disk_gb: Of each pod, for what does not fit into memory; the driver's also holds the data. GB.
        image: Of driver and executors.
        driver_account: Service account that may make pods.
        executor_account: Service account of the executors.
        pool: Label `pool` of the nodes, as `batch` on AWS; empty: any node.
        environment: Variables of driver and executors.
        deadline_seconds: After that long the SparkApplication is deleted.

    Returns:
        Address of the training set.
    """
    from hidden_gems.steps.preparing import Preparation, prepare_on_cluster
    from hidden_gems.steps.spark_application import SparkApplication

    application = SparkApplication(
        namespace,
        image,
        executors=executors,
        cores=executor_cores,
        memory_gb=executor_gb,
        driver_gb=driver_gb,
        disk_gb=disk_gb,
        driver_account=driver_account,
        executor_account=executor_account,
        pool=pool,
        environment=environment,
        deadline_seconds=deadline_seconds,
    )
    report = prepare_on_cluster(Preparation(dataset_uri, out_uri, timezone, max_rejected_share, rows), application)
    for name, value in report["counts"].items():
        metrics.log_metric(name, value)
    for name, seconds in report["seconds"].items():
        metrics.log_metric(f"{name}_seconds", seconds)
    return out_uri
