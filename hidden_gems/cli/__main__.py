"""The command `gems`."""

import sys

import typer

from hidden_gems.cli.data import data_app
from hidden_gems.core.errors import BadInputError, HiddenGemsError

app = typer.Typer(name="gems", no_args_is_help=True, add_completion=False, help=__doc__)
app.add_typer(data_app, name="data")


@app.callback()
def _about() -> None:
    """Recommend hidden gems: simulate a city, train, judge, rank, explain."""


def main() -> None:
    """Run a command; what we raise on purpose becomes one sentence and an exit code (1 failed, 2 bad input)."""
    try:
        app()
    except HiddenGemsError as error:
        print(f"gems: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInputError) else 1)


if __name__ == "__main__":
    main()
