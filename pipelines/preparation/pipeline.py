"""The training set of data larger than memory, with Spark."""

from kfp import dsl

from components.data.prepare_at_size.component import prepare_at_size
from components.images import SCALE, TRAIN
from components.placing import place


@dsl.pipeline(
    name="hidden-gems-preparation",
    description="Write the training set of data larger than memory with a SparkApplication, which ends with the run.",
)
def preparation(
    dataset_uri: str = "s3://hidden-gems-data/istanbul",
    timezone: str = "Europe/Istanbul",
    max_rejected_share: float = 0.01,
    rows: str = "all",
    out_uri: str = "s3://hidden-gems-artifacts/preparation",
    executors: int = 4,
    executor_cores: int = 4,
    executor_gb: int = 16,
    driver_gb: int = 8,
    disk_gb: int = 100,
    pool: str = "",
    namespace: str = "gems-training",
    driver_account: str = "preparer",
    executor_account: str = "trainer",
    image: str = TRAIN,
    spark_image: str = SCALE,
) -> str:
    """Check a folder of any size and write its training set.

    Args:
        dataset_uri: Folder with the files of the dataset contract, as s3://bucket/folder.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        rows: `all`: every impression with a final label; `ranker`: slates of the ranker's slice.
        out_uri: Folder that gets a folder for this run, with the training set.
        executors: Pods that join and count.
        executor_cores: Of each executor.
        executor_gb: Heap of each executor, GB; its pod has 1.4 times that.
        driver_gb: What the check holds in the driver before it goes to disk, GB; its pod has 6 more.
        disk_gb: Of each pod, GB.
        pool: Label `pool` of the nodes of driver and executors, as `batch` on AWS; empty: any node.
        namespace: Of the SparkApplication.
        driver_account: Service account of the driver.
        executor_account: Service account of the executors.
        image: Container image of the step.
        spark_image: Container image of driver and executors.

    Returns:
        Address of the training set.
    """
    made = prepare_at_size(
        dataset_uri=dataset_uri,
        out_uri=f"{out_uri}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
        timezone=timezone,
        max_rejected_share=max_rejected_share,
        rows=rows,
        namespace=namespace,
        executors=executors,
        executor_cores=executor_cores,
        executor_gb=executor_gb,
        driver_gb=driver_gb,
        disk_gb=disk_gb,
        image=spark_image,
        driver_account=driver_account,
        executor_account=executor_account,
        pool=pool,
    )
    place(made, image, outside=True)
    return made.outputs["Output"]
