"""The command `gems`."""

import os
import sys
from importlib.util import find_spec

import typer

from hidden_gems.cli.cost import cost
from hidden_gems.cli.data import data_app
from hidden_gems.cli.demo import demo
from hidden_gems.cli.doctor import doctor
from hidden_gems.cli.drift_study import drift_study
from hidden_gems.cli.explain import explain_app
from hidden_gems.cli.features import features_app
from hidden_gems.cli.feedback_drill import feedback_drill
from hidden_gems.cli.judge import evaluate, rank
from hidden_gems.cli.off_policy import off_policy
from hidden_gems.cli.online import online_app
from hidden_gems.cli.pipelines import pipelines_app
from hidden_gems.cli.poisoning import poisoning
from hidden_gems.cli.privacy import privacy_app
from hidden_gems.cli.processes import stop_on_signals
from hidden_gems.cli.recommend import recommend
from hidden_gems.cli.release import release_app
from hidden_gems.cli.simulate import simulate
from hidden_gems.cli.status import logs, status
from hidden_gems.cli.stream import stream_app
from hidden_gems.cli.targets import targets
from hidden_gems.cli.train import train
from hidden_gems.cli.trial import trial
from hidden_gems.cli.up import down, up
from hidden_gems.cli.why import why
from hidden_gems.core.errors import BadInputError, HiddenGemsError

app = typer.Typer(name="gems", no_args_is_help=True, add_completion=False)
for command in (demo, up, recommend, why, status, logs, down, doctor, simulate, train, evaluate, rank, targets):
    app.command()(command)
app.command()(off_policy)
app.command()(feedback_drill)
app.command()(cost)
online_app.command()(trial)
online_app.command()(poisoning)
online_app.command("drift")(drift_study)
app.add_typer(data_app, name="data")
app.add_typer(explain_app, name="explain")
app.add_typer(features_app, name="features")
app.add_typer(online_app, name="online")
app.add_typer(stream_app, name="stream")
app.add_typer(privacy_app, name="privacy")
app.add_typer(release_app, name="release")
app.add_typer(pipelines_app, name="pipelines")


@app.callback()
def _about() -> None:
    """Recommend hidden gems: simulate a city, train, judge, serve, explain, learn. Start with `gems demo`."""


def settle_environment() -> None:
    """One thread a process unless told otherwise: on shared cores more only wait for each other."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if found := find_spec("feature_repo"):
        os.environ.setdefault("GEMS_FEATURE_REPO", next(iter(found.submodule_search_locations or ()), ""))


def main() -> None:
    """Run a command; what we raise on purpose becomes one sentence and an exit code (1 failed, 2 bad input)."""
    stop_on_signals()
    settle_environment()
    try:
        app()
    except HiddenGemsError as error:
        print(f"gems: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInputError) else 1)


if __name__ == "__main__":
    main()
