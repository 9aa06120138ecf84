"""`python -m inference.ranker`."""

from hidden_gems.core.kv import RedisKeyValue
from inference.ranker.beliefs import StateFollower
from inference.ranker.service import RankerModel, load_ranking
from inference.ranker.settings import RankerSettings
from inference.shell.guard import Door
from inference.shell.release import watch
from inference.shell.server import quieten, serve
from inference.shell.start import run

LONGEST = 1024 * 1024
"""2,000 vectors of 60 with their ids."""


def main() -> None:
    """Serve the ranker of the pointed release."""
    quieten()
    settings = RankerSettings()
    watcher = watch(settings, load_ranking)
    follower = StateFollower(RedisKeyValue(settings.redis_access()), settings.state_poll_seconds).start()
    serve([RankerModel(watcher, follower)], settings, door=Door(body_bytes=LONGEST), grpc_bytes=LONGEST)
    follower.stop()
    watcher.stop()


if __name__ == "__main__":
    run(main)
