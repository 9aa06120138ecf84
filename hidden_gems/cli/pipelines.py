"""`gems pipelines`: the KFP packages."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from hidden_gems.cli.extras import require
from hidden_gems.cli.options import AsJson
from hidden_gems.core.errors import BadInputError, StepFailedError

pipelines_app = typer.Typer(
    help="Kubeflow pipelines: compile them to the YAML that the UI takes, start them, schedule them.",
    no_args_is_help=True,
)
HOST = "http://127.0.0.1:8888"
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="training, training_gpu, distributed, preparation, materialization or rollout."
    ),
]
Host = Annotated[str, typer.Option(help="Address of KFP; `kubectl port-forward svc/ml-pipeline 8888` brings it here.")]
Parameters = Annotated[
    list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="May be given several times.")
]
Namespace = Annotated[str, typer.Option(help="Of a KFP with several users.")]


@pipelines_app.command("compile")
def compile_(
    out: Annotated[Path, typer.Option(help="Folder for the YAML files.")] = Path("pipelines/compiled"),
    objects: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Write Pipeline and PipelineVersion objects for GitOps instead.")
    ] = "",
    version: Annotated[str, typer.Option(help="Of these objects; one that is there is never changed.")] = "0.1.0",
    as_json: AsJson = False,
) -> None:
    """Compile every pipeline; the same code always gives the same bytes.

    Upload a file in the Kubeflow UI, or let `gems pipelines submit` start it. With `--objects gems-training` the files
    are objects that `kubectl apply` or GitOps brings to a KFP that keeps its pipelines in the Kubernetes API.
    """
    more = ["--namespace", objects, "--version", version] if objects else []
    written = _called("compile", "--out", str(out), *more).splitlines()
    typer.echo(json.dumps({"written": written}) if as_json else "\n".join(written))


@pipelines_app.command()
def submit(name: Name, host: Host = HOST, parameter: Parameters = None, namespace: Namespace = "") -> None:
    """Start a pipeline on a cluster; prints where to watch it, and the id of its run last.

    Example: gems pipelines submit training -p dataset_uri=s3://my-data/istanbul -p preset=plan
    """
    typer.echo(_called("submit", "run", name, *_where(host, namespace), "--arguments", _arguments(name, parameter)))


@pipelines_app.command()
def schedule(
    name: Name,
    cron: Annotated[str, typer.Option(help="Six fields, seconds first: '0 0 3 * * 1' is Mondays at three (UTC).")],
    host: Host = HOST,
    parameter: Parameters = None,
    namespace: Namespace = "",
) -> None:
    """Start a pipeline by a clock: one run at a time, none for times that were missed; prints the schedule's id.

    A schedule of this pipeline that is there is replaced.

    Example: gems pipelines schedule training --cron '0 0 3 * * 1'
    """
    if len(cron.split()) != 6:
        raise BadInputError(f"--cron has six fields, seconds first, as '0 0 3 * * 1'; got {cron!r}")
    more = ("--cron", cron, "--arguments", _arguments(name, parameter))
    typer.echo(_called("submit", "schedule", name, *_where(host, namespace), *more))


def _where(host: str, namespace: str) -> list[str]:
    return ["--host", host, *(["--namespace", namespace] if namespace else [])]


def _arguments(name: str, given: list[str] | None) -> str:
    """Parameters as JSON, each of the kind that the pipeline says.

    Raises:
        BadInputError: If the pipeline has no such parameter, or a value is not of its kind.
    """
    import yaml

    path = Path(resources.files("pipelines").joinpath("compiled", f"{name}.yaml"))  # type: ignore[arg-type]
    if not path.exists():
        raise BadInputError(f"there is no pipeline {name!r}; there are {', '.join(_names(path.parent))}")
    known = next(yaml.safe_load_all(path.read_text()))["root"]["inputDefinitions"]["parameters"]
    found: dict[str, Any] = {}
    for each in given or ():
        key, equals, value = each.partition("=")
        if not equals or key not in known:
            raise BadInputError(f"-p {each}: {name} has the parameters {', '.join(known)}, given as name=value")
        kind = known[key]["parameterType"]
        try:
            found[key] = value if kind == "STRING" else json.loads(value)
        except ValueError as error:
            raise BadInputError(f"-p {each}: {key} is a {kind.lower()}") from error
    return json.dumps(found)


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _called(module: str, *arguments: str) -> str:
    """Output of a process that knows KFP."""
    require("kfp", "train")
    command = [sys.executable, "-m", f"pipelines.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError((done.stderr.strip().splitlines() or [f"pipelines.{module} failed"])[-1])
    return done.stdout.strip()
