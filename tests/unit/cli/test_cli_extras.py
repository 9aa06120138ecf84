"""A missing package becomes the name of the extra that brings it."""

import subprocess
import sys
from pathlib import Path

import pytest

from hidden_gems.cli.extras import needs_extra
from hidden_gems.core.errors import MissingExtraError

# a finder that knows none of these packages is what a base install is
BASE_INSTALL = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pandas", "numpy", "duckdb", "pyarrow", "torch", "lightgbm"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from hidden_gems.cli.__main__ import main
main()
"""


def test_a_package_of_somebody_else_is_named_with_its_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"'nobody_has_this'.*pip install 'hidden-gems\[serve\]'") as caught:  # noqa: SIM117
        with needs_extra("serve"):
            import nobody_has_this.part  # type: ignore[import-not-found]  # noqa: F401
    assert caught.value.extra == "serve"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_module_of_ours_that_is_missing_is_a_bug_and_stays_one() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"hidden_gems\.nothing"), needs_extra("train"):
        import hidden_gems.nothing  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="no name"), needs_extra("train"):
        raise ModuleNotFoundError("no name")


def test_it_decorates_and_lets_answers_through() -> None:
    @needs_extra("train")
    def double(number: int) -> int:
        return 2 * number

    assert double(21) == 42
    assert double.__name__ == "double"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["data", "check", "city"], 2, "gems: this needs the package "),
        (["--help"], 0, "data"),
        (["data", "check", "--help"], 0, "--max-rejected"),
    ],
)
def test_a_base_install(tmp_path: Path, arguments: list[str], code: int, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BASE_INSTALL, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == code
    assert expected in (ran.stderr if code else ran.stdout)
    assert "Traceback" not in ran.stderr
    if code:
        assert ran.stderr.endswith("which comes with: pip install 'hidden-gems[train]'\n")
