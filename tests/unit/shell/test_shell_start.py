import gc

import pytest

from hidden_gems.core.errors import ReleaseError
from inference.deep.settings import DeepSettings
from inference.ranker.settings import RankerSettings
from inference.shell.start import run


def test_settings_that_are_wrong_are_named_all_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMS_PORT", "many")
    monkeypatch.setenv("GEMS_RELEASE_POLL_SECONDS", "soon")
    with pytest.raises(SystemExit) as caught:
        run(lambda: print(DeepSettings()))
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["GEMS_PORT", "GEMS_RELEASE_POLL_SECONDS"]
    assert "many" not in "".join(lines)


def test_our_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise ReleaseError("there is no release")

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "there is no release\n"


def test_what_is_not_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda: print(1 / 0))


def test_ports_are_those_of_the_contract() -> None:
    deep, ranker = DeepSettings(), RankerSettings()
    assert (deep.port, deep.grpc_port, ranker.port, ranker.grpc_port) == (8000, 8001, 8100, 8101)
    assert deep.host == ranker.host == "127.0.0.1"
    assert (ranker.state_poll_seconds, ranker.redis) == (0.5, "127.0.0.1:6390")


def test_what_was_imported_is_looked_through_no_more() -> None:
    gc.unfreeze()
    imported = len(gc.get_objects())
    run(lambda: None)
    assert len(gc.get_objects()) < imported / 10
    assert gc.get_freeze_count() > imported / 2
