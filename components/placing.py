"""Where and how tasks of a pipeline run on the cluster: sizes, GPUs, secrets, rights. The local runner knows none."""

from typing import Any

from kfp import kubernetes

GPU = "nvidia.com/gpu"
USER = 1000
SHARED_MEMORY = "8Gi"
"""Of /dev/shm: workers that load data pass tensors through it, and a container's own has 64 MB."""
KEYS, REDIS, FEAST = "keys", "redis", "feast"
"""Secrets of the namespace that tasks run in; see `manifests/apps/base/training` and `base/users`."""
STORES, REGION = "stores", "AWS_REGION"
"""A ConfigMap there, its keys are names of variables."""


def place(task: Any, image: Any, outside: bool = False) -> Any:
    """A task of usual size in an image, tried three times.

    Args:
        task: Of a pipeline.
        image: Container image, or a parameter of the pipeline.
        outside: Reads or changes what is outside the pipeline, so that what it said once is never taken again.
    """
    task.set_container_image(image).set_retry(num_retries=2, backoff_duration="60s", backoff_factor=2.0)
    task.set_cpu_request("1").set_cpu_limit("4").set_memory_request("4Gi").set_memory_limit("16Gi")
    task.set_caching_options(enable_caching=not outside)
    kubernetes.use_config_map_as_env(task, STORES, {REGION: REGION}, optional=True)
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    return task


def with_gpus(task: Any, count: int) -> Any:
    """Let a task have GPUs, on nodes that are there for them."""
    task.set_accelerator_type(GPU).set_accelerator_limit(count)
    kubernetes.add_toleration(task, key=GPU, operator="Exists", effect="NoSchedule")
    kubernetes.add_node_selector(task, f"{GPU}.present", "true")
    kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=SHARED_MEMORY)
    kubernetes.add_pod_annotation(task, "karpenter.sh/do-not-disrupt", "true")  # it would lose hours
    return task


def secrets(task: Any, *names: str) -> Any:
    """Give a task secrets by reference, and where their stores are; optional, for a cluster may need no password."""
    known = {
        KEYS: {"pseudonym-key": "GEMS_PSEUDONYM_KEY"},
        REDIS: {"username": "GEMS_REDIS_USERNAME", "password": "GEMS_REDIS_PASSWORD"},
        FEAST: {"username": "PGUSER", "password": "PGPASSWORD"},
    }
    places = {KEYS: (), REDIS: ("GEMS_REDIS_TLS",), FEAST: ("GEMS_FEAST_REGISTRY", "PGHOST", "PGPORT", "PGSSLMODE")}
    for name in names:
        kubernetes.use_secret_as_env(task, secret_name=name, secret_key_to_env=known[name], optional=True)
    told = [each for name in names for each in places[name]]
    if told:
        kubernetes.use_config_map_as_env(task, STORES, {each: each for each in told}, optional=True)
    return task
