"""Start the learner: `python -m inference.learner`, told by `GEMS_*` variables."""

import logging
import sys

from prometheus_client import start_http_server

from hidden_gems.core.errors import HiddenGemsError
from inference.learner.settings import LearnerSettings
from inference.shell.patience import Patience, StoppedError
from inference.shell.pulling import pulled
from inference.shell.start import keep_imports
from inference.shell.stopping import told_to_stop


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("gems").setLevel(logging.INFO)
    logging.captureWarnings(True)
    settings, stopping = LearnerSettings(), told_to_stop()
    start_http_server(settings.port, addr=settings.host)
    from inference.learner.start import Standby

    keep_imports()
    try:
        pulled(settings)
        Standby(settings, Patience(stopping=stopping)).run()
    except StoppedError:
        return
    except HiddenGemsError as error:
        logging.getLogger("gems").error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
