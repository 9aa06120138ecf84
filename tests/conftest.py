"""Markers follow folders, and every test has a home of its own."""

from pathlib import Path

import pytest

FOLDERS = ("unit", "conformance", "integration", "e2e", "infra")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = next((part for part in item.path.parts if part in FOLDERS), None)
        if folder:
            item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GEMS_PSEUDONYM_KEY", "test")
