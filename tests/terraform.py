"""Terraform without an account: format, validation and own tests of every module and environment.

    python -m tests.terraform [FOLDER …]     # all of terraform/, or some folders of it

The provider comes from the folder that `TF_PLUGIN_DIR` names (unpacked, as in a local mirror), or by a plain
`terraform init`. One environment is initialised, which holds the provider against the lock file; everything else uses
that provider without being initialised. `terraform test` validates what it plans.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1] / "terraform"
FIRST = "environments/production"
PROCESSES = 2


class NoProviderError(Exception):
    """Terraform or its provider cannot be had here; says why."""


@dataclass(frozen=True)
class Terraform:
    """Terraform with a provider that is there."""

    provider: Path  # folder of the provider's binary
    scratch: Path

    def run(self, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One command in a folder, which stays as it is: what Terraform keeps lies in the scratch folder."""
        data = self.scratch / folder.relative_to(folder.anchor)
        environment = quiet(TF_CLI_CONFIG_FILE=str(self.scratch / "override.tfrc"), TF_DATA_DIR=str(data), **more)
        command = ["terraform", f"-chdir={folder}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)

    def check(self, folder: Path) -> list[str]:
        """What is wrong with a module or environment."""
        for arguments in (("get",), ("test", "-no-color")):
            done = self.run(folder, *arguments)
            if done.returncode:
                return [f"{folder.relative_to(ROOT)}: terraform {arguments[0]}\n{done.stdout}{done.stderr}"]
        if " 0 failed" not in done.stdout or "Success! 0 passed" in done.stdout:
            return [f"{folder.relative_to(ROOT)}: no test ran\n{done.stdout}"]
        return []


def quiet(**more: str) -> dict[str, str]:
    """An environment without anybody's account."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
    nobody = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}
    return kept | nobody | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"} | more


@contextmanager
def terraform() -> Iterator[Terraform]:
    """Terraform with its provider.

    Raises:
        NoProviderError: If either cannot be had.
    """
    if shutil.which("terraform") is None:
        raise NoProviderError("terraform is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="gems-terraform-") as name:
        scratch = Path(name)
        mirror = os.environ.get("TF_PLUGIN_DIR")
        where = [f"-plugin-dir={mirror}"] if mirror else []
        command = [
            "terraform",
            f"-chdir={ROOT / FIRST}",
            "init",
            "-backend=false",
            "-lockfile=readonly",
            "-no-color",
            *where,
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=quiet(TF_DATA_DIR=str(scratch / "first")), timeout=300
            )
        except subprocess.TimeoutExpired as error:
            raise NoProviderError("the provider's registry does not answer") from error
        if done.returncode:
            raise NoProviderError(f"TF_PLUGIN_DIR={mirror or ''}: {' '.join(done.stderr.split())[:300]}")
        provider = next((scratch / "first" / "providers").glob("*/hashicorp/aws/*/*")).resolve()
        override = f'dev_overrides {{\n "hashicorp/aws" = "{provider}"\n }}\n direct {{}}'
        (scratch / "override.tfrc").write_text(f"provider_installation {{\n {override}\n}}\n")
        yield Terraform(provider, scratch)


def folders() -> list[Path]:
    """Every module and environment, the slowest first."""
    found = {file.parent for file in ROOT.glob("*/*/main.tf")}
    return sorted(
        found, key=lambda folder: ("platform" not in folder.name and "environments" not in folder.parts, folder)
    )


def formatted() -> list[str]:
    """Files that `terraform fmt` would change."""
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(ROOT)], capture_output=True, text=True, env=quiet()
    )
    return [f"terraform fmt: {line}" for line in (done.stdout + done.stderr).splitlines()] if done.returncode else []


def main(wanted: list[str]) -> int:
    """Check and tell; gives the exit code."""
    began = time.monotonic()
    chosen = [ROOT / name for name in wanted] or folders()
    try:
        with terraform() as ready, ThreadPoolExecutor(PROCESSES) as pool:
            wrong = [*formatted(), *(text for found in pool.map(ready.check, chosen) for text in found)]
    except NoProviderError as error:
        print(f"not checked: {error}")
        return 1
    print(*wrong, f"{len(chosen)} folders, {len(wrong)} wrong, {time.monotonic() - began:.0f} s", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
