"""An OpenAI-compatible endpoint on loopback that says what a test wants it to say."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class StandIn:
    """What it says, how fast, and what it was asked.

    Args:
        says: A text, the raw body, or a text by the names it was given.
        status: Of its answers.
        seconds: It waits before it answers.
    """

    says: str | bytes | Callable[[list[str]], str] = ""
    status: int = 200
    seconds: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    def body(self, asked: dict[str, Any]) -> bytes:
        """Answer to a question."""
        if isinstance(self.says, bytes):
            return self.says
        names = json.loads(asked["messages"][1]["content"])["names"]
        text = self.says if isinstance(self.says, str) else self.says(names)
        return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serve until the end of the block."""
    made = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append(asked)
            made.keys.append(self.headers.get("Authorization"))
            time.sleep(made.seconds)
            body = made.body(asked)
            self.send_response(made.status if self.path == "/v1/chat/completions" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                return  # hung up on

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
