import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from hidden_gems.core.ids import MAX_ID_LENGTH, Pseudonyms


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMS_PSEUDONYM_KEY")


def test_a_pseudonym_is_half_of_an_hmac() -> None:
    whole = hmac.new(b"secret", "ğül".encode(), hashlib.sha256).hexdigest()
    assert Pseudonyms(b"secret").of("ğül") == whole[:32]
    assert len(Pseudonyms(b"secret").of("")) == 32


def test_two_people_and_two_keys_differ() -> None:
    assert len({Pseudonyms(key).of(person) for key in (b"a", b"b") for person in ("u1", "u2")}) == 4


def test_the_id_of_a_key_does_not_give_it_away() -> None:
    one, other = Pseudonyms(b"secret").key_id, Pseudonyms(b"secres").key_id
    assert one != other
    assert (len(one), one) == (8, Pseudonyms(b"secret").key_id)


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Pseudonyms(b"")


def test_the_environment_gives_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_PSEUDONYM_KEY", "anahtar")
    assert Pseudonyms.load(tmp_path / "home").of("u") == Pseudonyms(b"anahtar").of("u")
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("no_key")
def test_a_key_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    made = Pseudonyms.load(home)
    path = home / "pseudonym.key"
    assert len(path.read_bytes()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.of("u") == Pseudonyms(path.read_bytes()).of("u") == Pseudonyms.load(home).of("u")
    assert Pseudonyms.load(tmp_path / "other").of("u") != made.of("u")


def test_longest_id() -> None:
    assert MAX_ID_LENGTH == 64
