"""How a process begins, and how it says why it cannot."""

import sys
from collections.abc import Callable

from pydantic import ValidationError

from hidden_gems.core.errors import HiddenGemsError


def run(main: Callable[[], None]) -> None:
    """Run a process; what is wrong with its settings or its release is one line each, without a traceback.

    Raises:
        SystemExit: With 2 for settings, with 1 for the rest.
    """
    try:
        main()
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            print(f"GEMS_{name.removeprefix('GEMS_')}: {wrong['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    except HiddenGemsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
