import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch

from hidden_gems.core.addresses import fetch, filesystem, store
from hidden_gems.core.errors import BadInputError
from hidden_gems.training.checkpoints import CHECKPOINT_FILE, Checkpoints
from tests import buckets

STATE = {"step": 3, "module": {"weight": torch.arange(4.0)}, "report": {"losses": [0.5]}}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with buckets.bucket("runs") as address:
        yield address


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        bucket: str = request.getfixturevalue("bucket")
        return f"{bucket}/{tmp_path.name}/a"
    return {
        "folder": str(tmp_path / "runs" / "a"),
        "file": f"file://{tmp_path}/runs/a",
        "memory": f"memory://{tmp_path.name}/a",
    }[request.param]


def test_what_was_written_is_read(address: str) -> None:
    checkpoints = Checkpoints(address, {"seed": 1})
    assert checkpoints.read() is None
    checkpoints.write({"step": 1})
    checkpoints.write(STATE)
    found = Checkpoints(address, {"seed": 1}).read()
    assert found is not None
    assert found["step"] == 3
    assert torch.equal(found["module"]["weight"], torch.arange(4.0))
    assert found["report"] == {"losses": [0.5]}
    files, path = filesystem(address)
    assert [name.rpartition("/")[2] for name in files.find(path)] == [CHECKPOINT_FILE]  # nothing partial is left


def test_a_write_that_was_interrupted_leaves_the_one_before(address: str) -> None:
    checkpoints = Checkpoints(address, {})
    files, path = filesystem(address)
    files.makedirs(path, exist_ok=True)
    files.pipe_file(f"{path}/{CHECKPOINT_FILE}.partial", b"half a chec")
    assert checkpoints.read() is None
    checkpoints.write(STATE)
    files.pipe_file(f"{path}/{CHECKPOINT_FILE}.partial", b"half a chec")
    found = checkpoints.read()
    assert found is not None
    assert found["step"] == 3
    checkpoints.write({"step": 4})
    found = checkpoints.read()
    assert found is not None
    assert found["step"] == 4


def test_a_checkpoint_of_another_run_says_what_differs(tmp_path: Path) -> None:
    Checkpoints(tmp_path, {"seed": 1, "batch": 8, "epochs": 2}).write(STATE)
    with pytest.raises(BadInputError) as error:
        Checkpoints(tmp_path, {"seed": 2, "batch": 8, "rate": 0.1}).read()
    assert str(error.value) == (
        f"the checkpoint in {tmp_path} belongs to another run (epochs, rate, seed differ); remove it, or name another "
        "folder for checkpoints"
    )


@pytest.mark.parametrize("content", [b"", b"half a checkpoint", b"PK\x03\x04 cut off"])
def test_what_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    with pytest.raises(BadInputError, match=r"last\.pt in .* is no checkpoint of ours; remove it"):
        Checkpoints(tmp_path, {}).read()


def test_a_checkpoint_without_an_identity_is_not_ours(tmp_path: Path) -> None:
    torch.save({"step": 3}, tmp_path / CHECKPOINT_FILE)
    with pytest.raises(BadInputError, match="is no checkpoint of ours"):
        Checkpoints(tmp_path, {}).read()


def test_an_address_that_nobody_knows() -> None:
    with pytest.raises(BadInputError, match="gopher://runs is no address that can be used here"):
        filesystem("gopher://runs")


def test_folders_go_to_an_address_and_come_back(address: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.txt").write_text("one")
    (source / "deep" / "b.txt").write_text("two")
    store(source, address)
    (source / "a.txt").write_text("three")
    store(source, address + "/")
    back = fetch(address, tmp_path / "back")
    assert back == tmp_path / "back"
    assert {str(path.relative_to(back)): path.read_text() for path in back.rglob("*.txt")} == {
        "a.txt": "three",
        "deep/b.txt": "two",
    }


def test_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no file at memory://nothing/here"):
        fetch("memory://nothing/here", tmp_path)


def test_memory_is_of_this_process(tmp_path: Path) -> None:
    Checkpoints(f"memory://{tmp_path.name}", {}).write(STATE)
    assert fsspec.filesystem("memory").exists(f"/{tmp_path.name}/{CHECKPOINT_FILE}")
    assert not os.path.exists(f"memory:/{tmp_path.name}")
