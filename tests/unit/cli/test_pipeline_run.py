"""The log of KFP's local runner, line by line as it prints them."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from hidden_gems.cli.pipeline_run import _COLOR, KEPT_RUNS, Run, Step, _Follower
from hidden_gems.core import errors

GOOD = """\
tasks: 2
14:04:54.634 - INFO - Running pipeline: \x1b[95m'hidden-gems-training'\x1b[0m
--------------------------------------------------------------------------------
14:04:54.641 - INFO - Executing task \x1b[96m'validate-data'\x1b[0m
14:04:54.642 - INFO - Streamed logs:
    [KFP Executor 2026-11-23 14:04:54,800 INFO]: Looking for component `validate_data`
14:04:57.536 - INFO - Task \x1b[96m'validate-data'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m
14:04:57.536 - INFO - Task \x1b[96m'validate-data'\x1b[0m outputs:
    Output: 'ee6d45536db6'
14:04:57.537 - INFO - Executing task \x1b[96m'evaluate-models'\x1b[0m
    progress: 0.250 item_knn
    progress: 0.600 lambdamart
"""
ENDED = "14:05:09.071 - INFO - Task \x1b[96m'evaluate-models'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m\n"
FAILED = "14:05:09.071 - ERROR - Task \x1b[96m'evaluate-models'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m\n"


def follow(text: str, disable: bool = False) -> tuple[_Follower, Progress]:
    console = Console(file=io.StringIO(), width=100)
    progress = Progress(TextColumn("{task.description}"), console=console, disable=disable)
    follower = _Follower(progress)
    for line in text.splitlines():
        follower.read(_COLOR.sub("", line))
    return follower, progress


def test_steps_bars_and_notes_follow_the_log() -> None:
    follower, progress = follow(GOOD)
    everything, first, second = progress.tasks
    assert [step.name for step in follower.steps] == ["validate data"]
    assert follower.steps[0].seconds >= 0
    assert (everything.description, everything.completed, everything.total) == ("pipeline", 1, 2)
    assert (first.description, first.completed, first.finished) == ("  validate data", 1.0, True)
    assert (second.description, second.completed, second.fields["note"]) == ("  evaluate models", 0.6, "lambdamart")
    follower, progress = follow(GOOD + ENDED)
    assert [step.name for step in follower.steps] == ["validate data", "evaluate models"]
    assert progress.tasks[0].finished
    assert progress.tasks[2].fields["note"] == ""


def test_a_log_gets_a_line_as_each_step_ends() -> None:
    told = follow(GOOD, disable=True)[1].console.file
    assert isinstance(told, io.StringIO)
    assert told.getvalue() == "  validate data: 0 s\n"


def test_a_failed_step_is_named_with_its_log(tmp_path: Path) -> None:
    follower, progress = follow(GOOD + "    MemoryError: no more\n" + FAILED)
    assert [step.name for step in follower.steps] == ["validate data"]
    assert progress.tasks[2].fields["note"] == "failed"
    assert progress.tasks[0].completed == 1
    error = follower.error(tmp_path / "run.log")
    assert type(error) is errors.StepFailedError
    assert str(error) == f"step 'evaluate-models' failed; its log is {tmp_path / 'run.log'}"


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("    hidden_gems.core.errors.NotADatasetError: it has: no rows", errors.NotADatasetError, "it has: no rows"),
        ("    hidden_gems.core.errors.BadInputError: seed", errors.BadInputError, "seed"),
        ("    hidden_gems.core.errors.ParityError: differ", errors.ParityError, "differ"),
        ("    hidden_gems.datasets.rows.TooManyBadRowsError: 4 of 200", errors.NotADatasetError, "4 of 200"),
        ("    hidden_gems.core.errors.MissingExtraError: pip install", errors.BadInputError, "pip install"),
    ],
)
def test_what_a_task_raised_on_purpose_is_raised_as_itself(
    tmp_path: Path, line: str, kind: type[Exception], said: str
) -> None:
    first = "    hidden_gems.core.errors.ReleaseError: the cause\n"
    error = follow(GOOD + first + line + "\n" + FAILED)[0].error(tmp_path)
    assert type(error) is kind
    assert str(error) == said


@pytest.mark.parametrize(
    "line",
    [
        "    hidden_gems.core.errors.PartUnavailableError: features is unavailable: Redis",
        "    hidden_gems.core.errors.HiddenGemsError: features is unavailable: Redis",
        "    hidden_gems.core.kv.NoSuchError: features is unavailable: Redis",
    ],
)
def test_what_is_no_kind_of_its_own_is_a_failed_step_with_its_words(tmp_path: Path, line: str) -> None:
    error = follow(GOOD + line + "\n" + FAILED)[0].error(tmp_path)
    assert type(error) is errors.StepFailedError
    words = "features is unavailable: Redis"
    assert str(error) == f"step 'evaluate-models' failed: {words}; its log is {tmp_path}"


def test_outputs_and_artifacts_of_a_run(tmp_path: Path) -> None:
    task = tmp_path / "hidden-gems-training-1" / "build-release"
    task.mkdir(parents=True)
    (task / "executor_output.json").write_text(json.dumps({"parameterValues": {"Output": "here"}}))
    (task / "card").write_text("# Model card")
    run = Run((Step("build release", 1.0),), tmp_path)
    assert run.output("build-release") == "here"
    assert run.artifact("build-release", "card").read_text() == "# Model card"
    assert KEPT_RUNS == 5
