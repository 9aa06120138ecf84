"""Compile every pipeline to the YAML that people upload: `python -m pipelines.compile --out pipelines/compiled`."""

import argparse
import importlib
from pathlib import Path

PIPELINES = ("training",)
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
        pipeline = getattr(importlib.import_module(f"pipelines.{name}.pipeline"), name)
        path = folder / f"{name}.yaml"
        Compiler().compile(pipeline, str(path))
        written.append(path)
    return written


def main() -> None:
    """Compile, and print what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=COMPILED)
    for path in compile_all(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
