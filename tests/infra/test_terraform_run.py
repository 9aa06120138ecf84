"""Terraform's own word on every module and environment: `make terraform-check` as tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terraform import NoProviderError, Terraform, folders, formatted, terraform

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ready() -> Iterator[Terraform]:
    try:
        with terraform() as found:
            yield found
    except NoProviderError as error:
        pytest.skip(str(error))


def test_everything_is_formatted(ready: Terraform) -> None:
    assert formatted() == []


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_its_own_tests_pass(ready: Terraform, folder: Path) -> None:
    assert ready.check(folder) == []
