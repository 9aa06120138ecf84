"""Load feature definitions as Feast does, under flat module names, and leave this process as it was."""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import prometheus_client  # noqa: F401 - decides at import whether metrics are shared files, as Feast would have it

# isort: split
from feast import Entity, FeatureService, FeatureView
from feast.data_source import DataSource

from hidden_gems.core.errors import StepFailedError

_KINDS = (Entity, FeatureView, FeatureService, DataSource)


def definitions(repo: Path, environment: Mapping[str, str]) -> list[Any]:
    """Entities, sources, views and services of a feature repository, each once.

    The command `feast apply` does the same in a process of its own, for seconds of imports. Not for several threads:
    while the modules load, the environment of this process is the given one.

    Args:
        repo: Folder of the definitions.
        environment: Variables that the definitions read.

    Raises:
        StepFailedError: If a module cannot be loaded.
    """
    found: dict[int, Any] = {}
    with _flat_modules(repo, environment) as names:
        for name in names:
            try:
                module = importlib.import_module(name)
            except Exception as error:
                raise StepFailedError(
                    f"the feature definitions in {repo / name}.py cannot be loaded: {error}"
                ) from error
            found |= {id(value): value for value in vars(module).values() if isinstance(value, _KINDS)}
    return list(found.values())


@contextmanager
def _flat_modules(repo: Path, environment: Mapping[str, str]) -> Iterator[list[str]]:
    names = sorted(path.stem for path in repo.glob("*.py"))
    modules = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    sys.path.insert(0, str(repo))
    try:
        yield names
    finally:
        sys.path.remove(str(repo))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(modules)
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
