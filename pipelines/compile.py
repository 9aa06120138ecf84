"""Compile every pipeline to the YAML that people upload: `python -m pipelines.compile --out pipelines/compiled`."""

import argparse
import importlib
from pathlib import Path
from typing import Any

PIPELINES = {
    "training": "training",
    "training_gpu": "training",
    "distributed": "distributed",
    "preparation": "preparation",
    "materialization": "materialization",
    "rollout": "rollout",
}
"""Folder of each pipeline under `pipelines`, by its name."""
COMPILED = Path(__file__).parent / "compiled"


def compile_all(folder: Path) -> list[Path]:
    """Write one YAML a pipeline; the same code always gives the same bytes.

    Args:
        folder: Made if it is not there.

    Returns:
        The files.
    """
    from kfp.compiler import Compiler

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in PIPELINES:
        path = folder / f"{name}.yaml"
        Compiler().compile(pipeline_of(name), str(path))
        written.append(path)
    return written


def pipeline_of(name: str) -> Any:
    """A pipeline by its name."""
    return getattr(importlib.import_module(f"pipelines.{PIPELINES[name]}.pipeline"), name)


def objects_of(folder: Path, namespace: str, version: str) -> list[Path]:
    """Write each pipeline as Pipeline and PipelineVersion, for KFP that keeps pipelines in the Kubernetes API.

    Args:
        folder: Made if it is not there.
        namespace: Of the objects.
        version: Of the pipelines; a version that is there is never changed, so it names an image.

    Returns:
        The files.
    """
    from kfp.compiler import Compiler
    from kfp.compiler.compiler_utils import KubernetesManifestOptions

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in PIPELINES:
        pipeline, path = pipeline_of(name), folder / f"{name}.yaml"
        options = KubernetesManifestOptions(
            pipeline_name=pipeline.name,
            pipeline_display_name=pipeline.name,
            pipeline_version_name=f"{pipeline.name}-{version}",
            pipeline_version_display_name=version,
            namespace=namespace,
            include_pipeline_manifest=True,
        )
        Compiler().compile(pipeline, str(path), kubernetes_manifest_format=True, kubernetes_manifest_options=options)
        written.append(path)
    return written


def main() -> None:
    """Compile, and print what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=COMPILED)
    parser.add_argument("--namespace", help="write objects for the Kubernetes API instead")
    parser.add_argument("--version", default="0.1.0", help="of these objects")
    told = parser.parse_args()
    for path in objects_of(told.out, told.namespace, told.version) if told.namespace else compile_all(told.out):
        print(path)


if __name__ == "__main__":
    main()
