"""`python -m inference.deep`."""

from inference.deep.service import GraphModel, load_graphs
from inference.deep.settings import DeepSettings
from inference.shell.release import watch
from inference.shell.server import quieten, serve
from inference.shell.start import run


def main() -> None:
    """Serve every model of the pointed release."""
    quieten()
    settings = DeepSettings()
    watcher = watch(settings, load_graphs)
    serve([GraphModel(name, watcher) for name in watcher.current.value], settings)
    watcher.stop()


if __name__ == "__main__":
    run(main)
