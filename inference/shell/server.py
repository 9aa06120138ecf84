"""KServe's model server as we run it: one worker, our addresses only, nothing to load or unload, quiet."""

import asyncio
import logging
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from kserve import ModelServer
from kserve.errors import ModelNotFound
from kserve.model_server import app
from kserve.predictor_config import PredictorConfig
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from inference.shell.grpc_errors import Errors
from inference.shell.guard import Door, Guard
from inference.shell.now import now_header
from inference.shell.settings import ServerSettings

GRPC_BYTES = 64 * 1024
_ENDING_SECONDS, _QUIET_SECONDS = 1.0, 0.2  # at most until gRPC is told to end, and without a new call
Background = Callable[[], Awaitable[None]]


def serve(
    models: Sequence[Any],
    settings: ServerSettings,
    *,
    door: Door | None = None,
    grpc_bytes: int = GRPC_BYTES,
    background: Sequence[Background] = (),
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished.

    Args:
        models: KServe models, loaded.
        settings: Address, ports and clock.
        door: What HTTP lets in.
        grpc_bytes: Longest gRPC request.
        background: Run beside the servers on their loop, cancelled at the end; an error of one ends the process.
    """
    quieten()
    clock = settings.the_clock() if settings.clock else None
    app.add_middleware(Guard, door=door or Door(), headers=lambda: now_header(clock))
    _Server(settings, grpc_bytes, background).start(list(models))


def quieten() -> None:
    """Log what we say and what goes wrong; KServe and uvicorn log each request and each caller's mistake."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")  # kserve 0.20 on FastAPI 0.13x
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # without a handler KServe configures all of it
    for name, level in (("kserve", logging.CRITICAL), ("kserve.trace", logging.CRITICAL), ("httpx", logging.WARNING)):
        logging.getLogger(name).setLevel(level)
    for name in ("uvicorn.access", "uvicorn.error", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Closed(ModelRepositoryExtension):  # type: ignore[misc]
    """Nobody loads or unloads a model from outside; serves both protocols."""

    async def load(self, model_name: str) -> None:
        raise ModelNotFound(model_name)

    async def unload(self, model_name: str) -> None:
        raise ModelNotFound(model_name)


class _GRPCServer(GRPCServer):  # type: ignore[misc]
    """KServe's binds every address."""

    host: str
    longest: int
    calls: Errors

    async def start(self, max_workers: int) -> None:
        options = [
            ("grpc.max_receive_message_length", self.longest),
            ("grpc.so_reuseport", 0),  # else two servers share a port and each gets some of the calls
        ]
        self.calls = Errors()
        self._server = grpc.aio.server(interceptors=[self.calls], options=options)
        servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
        add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(f"{self.host}:{self._port}")
        await self._server.start()
        await self._server.wait_for_termination()

    async def stop(self, sig: int | None = None) -> None:
        """Answer what has come, then end. gRPC cancels calls that came and have not begun: grpc/grpc#41785."""
        until, begun = time.monotonic() + _ENDING_SECONDS, -1
        while self._server and begun != self.calls.begun and time.monotonic() < until:
            begun = self.calls.begun
            await asyncio.sleep(_QUIET_SECONDS)
        await super().stop(sig)


class _Server(ModelServer):  # type: ignore[misc]
    """KServe's, with every value given by us: it takes the others from the command line."""

    def __init__(self, settings: ServerSettings, grpc_bytes: int, background: Sequence[Background]) -> None:
        super().__init__(
            http_port=settings.port,
            grpc_port=settings.grpc_port,
            workers=1,
            max_threads=4,
            max_asyncio_workers=None,
            enable_grpc=False,  # ours is started below
            enable_docs_url=False,
            enable_latency_logging=False,
            access_log_format=None,
            event_loop="auto",
            timeout_keep_alive=65,
            grace_period=settings.grace_seconds,
            predictor_config=PredictorConfig(None),
        )
        self._host, self._background = settings.host, background
        self.model_repository_extension = _Closed(self.registered_models)
        ours = _GRPCServer(self.grpc_port, self.dataplane, self.model_repository_extension, {}, settings.grace_seconds)
        ours.host, ours.longest = settings.host, grpc_bytes
        self._grpc_server = ours
        self.servers.append(ours.start(self.max_threads))

    def stop(self, sig: int) -> None:
        """End gRPC too; uvicorn calls this when HTTP has ended. Models stay, for calls still in flight."""
        self._rest_server._server.should_exit = True
        self._stopping = asyncio.get_running_loop().create_task(self._grpc_server.stop(sig))

    async def _serve(self) -> None:
        self._rest_server.config.host = self._host  # KServe says 0.0.0.0; uvicorn reads it when it starts
        serving = asyncio.ensure_future(super()._serve())
        tasks = [serving, *(asyncio.ensure_future(each()) for each in self._background)]
        waiting = set(tasks)
        while not serving.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(task.exception() for task in done):
                break
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
