"""Run a pipeline on this machine: `python -m pipelines.run training --arguments '{…}' --root DIR`.

It is a process of its own because the library does not know KFP, whose local runner it uses.
"""

import argparse
import json
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from pipelines.compile import pipeline_of


def main() -> None:
    """Run the named pipeline; exit code 1 when a task failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", help="its name, or a compiled file")
    parser.add_argument("--arguments", default="{}", help="parameters of the pipeline as JSON")
    parser.add_argument("--root", required=True, type=Path, help="folder for the artifacts of this run")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))  # tasks end with us

    from kfp import local
    from kfp.components import load_component_from_file

    warnings.filterwarnings("ignore", message="You may be attemping to run a task", category=RuntimeWarning)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(options.root), raise_on_error=True)
    compiled = options.pipeline.endswith(".yaml")
    pipeline: Any = load_component_from_file(options.pipeline) if compiled else pipeline_of(options.pipeline)
    print(f"tasks: {len(pipeline.pipeline_spec.root.dag.tasks)}", flush=True)
    try:
        pipeline(**json.loads(options.arguments))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
