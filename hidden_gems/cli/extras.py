"""A command that needs packages of an extra says so in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from hidden_gems.core.errors import MissingExtraError

OURS = frozenset({"hidden_gems", "components", "pipelines", "inference", "feature_repo"})


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a missing third-party package into the name of the extra that brings it; also usable as a decorator.

    Args:
        extra: An extra of our distribution, as `train`.

    Raises:
        MissingExtraError: If a package of somebody else cannot be found.

    Examples:
        >>> with needs_extra("train"):
        ...     import a_package_that_nobody_has.part
        Traceback (most recent call last):
        ...
        hidden_gems.core.errors.MissingExtraError: this needs the package 'a_package_that_nobody_has', which comes \
with: pip install 'hidden-gems[train]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if not package or package in OURS:
            raise
        raise MissingExtraError(package, extra) from error


def require(package: str, extra: str) -> None:
    """Say so before a child process would find out.

    Args:
        package: A third-party package that the child imports.
        extra: The extra that brings it.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    if find_spec(package) is None:
        raise MissingExtraError(package, extra)
