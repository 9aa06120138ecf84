"""How a process begins, and how it says why it cannot."""

import gc
import sys
from collections.abc import Callable

from pydantic import ValidationError

from hidden_gems.core.errors import HiddenGemsError


def keep_imports() -> None:
    """Look through what was imported no more: it stays, and each time would cost an answer a tenth of a second."""
    gc.collect()
    gc.freeze()


def run(main: Callable[[], None]) -> None:
    """Run a process; what is wrong with its settings or its release is one line each, without a traceback.

    Call it when everything is imported.

    Raises:
        SystemExit: With 2 for settings, with 1 for the rest.
    """
    keep_imports()
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
