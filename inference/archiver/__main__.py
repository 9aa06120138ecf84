"""Start the archiver: `python -m inference.archiver`, told by `GEMS_*` variables."""

import logging

from prometheus_client import start_http_server

from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.privacy.files import StoreLog, archive, training_copies
from hidden_gems.streaming.kafka import KafkaConsumer, KafkaProducer
from inference.archiver.service import GROUP, TOPICS, Archiver
from inference.archiver.settings import ArchiverSettings
from inference.shell.start import run
from inference.shell.stopping import told_to_stop


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings, stopping = ArchiverSettings(), told_to_stop()
    server, _ = start_http_server(settings.port, addr=settings.host)
    keys, folder = RedisKeyValue(settings.redis_access(), settings.redis_timeout_seconds), settings.history_folder()
    archiver = Archiver(
        folder=folder,
        consumer=KafkaConsumer(settings.kafka_access(), GROUP, TOPICS, fetch_wait_ms=settings.fetch_wait_ms),
        producer=KafkaProducer(settings.kafka_access()),
        clock=settings.the_clock(),
        keys=keys,
        stores=(archive(folder), training_copies(*settings.training_folders()), StoreLog(keys, None)),
        compact_seconds=settings.compact_seconds,
        flush_rows=settings.flush_rows,
        flush_seconds=settings.flush_seconds,
    )
    archiver.run(stopping)
    server.shutdown()


if __name__ == "__main__":
    run(main)
