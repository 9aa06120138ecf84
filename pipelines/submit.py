"""Start pipelines on a cluster's KFP, now or on a schedule: `python -m pipelines.submit run | schedule NAME …`.

It is a process of its own because the library does not know KFP.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipelines.compile import COMPILED, PIPELINES

EXPERIMENT = "hidden-gems"


def main() -> None:
    """Start, and print the address or the id; exit code 1 with one line where the cluster refuses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "schedule"))
    parser.add_argument("pipeline", choices=tuple(PIPELINES))
    parser.add_argument("--host", required=True, help="address of KFP, as http://127.0.0.1:8888")
    parser.add_argument("--namespace", default=None, help="of a KFP with several users")
    parser.add_argument("--arguments", default="{}", help="parameters as JSON")
    parser.add_argument("--cron", help="six fields, seconds first")
    told = parser.parse_args()
    from kfp import Client
    from kfp_server_api import ApiException
    from urllib3.exceptions import HTTPError

    try:
        client = Client(host=told.host, namespace=told.namespace or "kubeflow")
        arguments = json.loads(told.arguments)
        package = COMPILED / f"{told.pipeline}.yaml"
        if told.what == "run":
            print(run(client, package, arguments, told.namespace))
        else:
            print(schedule(client, package, arguments, told.cron, told.namespace))
    except (ApiException, HTTPError) as error:
        print(f"KFP at {told.host}: {getattr(error, 'reason', None) or error}", file=sys.stderr)
        sys.exit(1)


def run(client: Any, package: Path, arguments: dict[str, Any], namespace: str | None) -> str:
    """Start a pipeline; the id of the run."""
    made = client.create_run_from_pipeline_package(
        str(package),
        arguments=arguments,
        run_name=None,
        experiment_name=EXPERIMENT,
        namespace=namespace,
    )
    return str(made.run_id)


def schedule(client: Any, package: Path, arguments: dict[str, Any], cron: str, namespace: str | None) -> str:
    """Start a pipeline by a clock, one run at a time, none for times that were missed; the id of the recurring run.

    The pipeline is uploaded as a new version, which later uploads do not change. A schedule of that name that is there
    is replaced once the new one is made.
    """
    name = f"hidden-gems-{package.stem}"
    experiment = client.create_experiment(EXPERIMENT, namespace=namespace)
    pipeline = client.get_pipeline_id(name)
    if pipeline is None:
        uploaded = client.upload_pipeline(str(package), pipeline_name=name, namespace=namespace)
        pipeline = uploaded.pipeline_id
        [version] = client.list_pipeline_versions(pipeline, page_size=1).pipeline_versions
    else:
        number = client.list_pipeline_versions(pipeline, page_size=100).total_size + 1
        version = client.upload_pipeline_version(str(package), f"{name}-{number}", pipeline_id=pipeline)
    there = client.list_recurring_runs(page_size=100, experiment_id=experiment.experiment_id).recurring_runs or []
    made = client.create_recurring_run(
        experiment_id=experiment.experiment_id,
        job_name=name,
        cron_expression=cron,
        max_concurrency=1,
        no_catchup=True,
        params=arguments,
        pipeline_id=pipeline,
        version_id=version.pipeline_version_id,
    )
    for old in there:
        if old.display_name == name:
            client.delete_recurring_run(old.recurring_run_id)
    return str(made.recurring_run_id)


if __name__ == "__main__":
    main()
