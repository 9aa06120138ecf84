import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.recommend import moment
from hidden_gems.cli.stack_state import stack_lock
from hidden_gems.core.errors import BadInputError
from tests.unit.cli.test_status import a_stack

ITEM = {
    "item_id": "g7", "position": 0, "score": 0.8, "propensity": 0.4, "impression_token": "t", "name": "Küflü Kitap",
    "type": "cafe", "neighborhood": "Balat", "source": ["nearby"],
    "explanation": {"text": "Küflü Kitap: sakin.", "language": "tr",
                    "top_features": [{"name": "crowd", "label": "kalabalık", "importance": 0.351}]},
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "slate_id": "s1", "user_id": "u42", "policy": "ranker+thompson", "release": "2026-05-04.1", "degraded": ["deep"],
    "short": True, "items": [ITEM],
}  # fmt: skip


class Door(BaseHTTPRequestHandler):
    asked: dict[str, Any]

    def do_POST(self) -> None:
        Door.asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"predictions": [ANSWER]}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def stack(tmp_path: Path) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server, stack_lock():
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        state = a_stack(address, tmp_path, clock="1777910400,0,0")
        state.addresses["collector"] = address
        state.write()
        yield
        server.shutdown()


def ask(*options: str) -> Any:
    return CliRunner().invoke(app, ["recommend", "--user", "u42", *options], env={"COLUMNS": "200"})


def test_every_option_reaches_the_stack() -> None:
    ask(
        "--weather", "rain", "--at", "20:00", "--language", "tr", "--limit", "3", "--mood", "calm", "--near",
        "41.03,28.95", "--temperature", "12", "--companions", "couple", "--type", "cafe, bar", "--neighborhood",
        "Balat", "--max-price", "2",
    )  # fmt: skip
    assert Door.asked == {
        "instances": [
            {
                "user_id": "u42", "limit": 3, "explain": "full",
                "context": {
                    "timestamp": "2026-05-04T20:00:00+03:00", "weather": "rain", "temperature_c": 12, "mood": "calm",
                    "companions": "couple", "location": {"lat": 41.03, "lon": 28.95}, "language": "tr",
                },
                "filters": {"types": ["cafe", "bar"], "neighborhoods": ["Balat"], "max_price_level": 2},
            }
        ]
    }  # fmt: skip


def test_without_options_the_stack_decides() -> None:
    ask()
    assert Door.asked == {
        "instances": [{"user_id": "u42", "limit": 10, "context": {"language": "en"}, "explain": "full"}]
    }


def test_a_table_with_reasons_and_what_was_missing() -> None:
    shown = ask()
    assert shown.exit_code == 0
    for words in ("city (simulated) · release 2026-05-04.1 · ranker+thompson", "Küflü Kitap", "cafe, Balat", "sakin.",
                  "kalabalık 35 %", "degraded: deep did not answer", "Fewer gems than asked for fit."):  # fmt: skip
        assert words in shown.output


def test_the_answer_as_json_and_as_a_card() -> None:
    assert json.loads(ask("--json").output)["items"][0]["impression_token"] == "t"
    assert ask("--card", "--language", "tr").output.startswith("İşte sana göre bir yer:\n\n**Küflü Kitap**, Balat\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--at", "25:00"), "--at 25:00: expected a time like 20:00"),
        (("--at", "tomorrow at"), "--at tomorrow at: expected"),
        (("--near", "here"), "--near here: expected LAT,LON"),
        (("--language", "de"), "--language de: expected en or tr"),
        (("--at", "20:00", "--timezone", "Mars/North"), "--timezone Mars/North: there is no such zone"),
    ],
)
def test_wrong_options_are_told(options: tuple[str, ...], said: str) -> None:
    found = ask(*options).exception
    assert isinstance(found, BadInputError)
    assert str(found).startswith(said)


def test_times_have_a_zone_at_the_end() -> None:
    assert moment("2026-05-04T10:00", 0.0, "Europe/Istanbul") == "2026-05-04T10:00:00+03:00"
    assert moment("2026-05-04T10:00:00Z", 0.0, "Europe/Istanbul") == "2026-05-04T10:00:00+00:00"
    assert moment("9:05", 1_777_921_200.0, "Europe/Istanbul") == "2026-05-04T09:05:00+03:00"  # 22:00 of that day
    assert moment("9:05", 1_777_932_000.0, "Europe/Istanbul") == "2026-05-05T09:05:00+03:00"  # 01:00 of the next
