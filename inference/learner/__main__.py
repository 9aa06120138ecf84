"""Start the learner: `python -m inference.learner`, told by `GEMS_*` variables."""

import logging
import signal
import threading
import warnings

from prometheus_client import start_http_server

from inference.learner.service import Learner
from inference.learner.settings import LearnerSettings
from inference.learner.start import open_learner
from inference.shell.patience import Patience, StoppedError


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("gems").setLevel(logging.INFO)
    logging.getLogger("feast").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", ".*_text is deprecated", DeprecationWarning)  # of kafka-python; Feast shows all
    settings, stopping = LearnerSettings(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    start_http_server(settings.port, addr=settings.host)
    try:
        learner: Learner = open_learner(settings, Patience(stopping=stopping))
    except StoppedError:
        return
    learner.run()


if __name__ == "__main__":
    main()
