import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.tokens import BadTokenError, Claim, Tokens

CLAIM = Claim("p1", "s1", "g1", 3, 0.125, issued=1_000_000.0)
ASKED = {"user_id": "p1", "item_id": "g1", "event_type": "click", "now": 1_000_060.0}


def test_a_token_says_what_was_signed() -> None:
    tokens = Tokens([b"one"])
    assert tokens.verify(tokens.sign(CLAIM), slate_id="s1", **ASKED) == CLAIM  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"user_id": "p2"}, {"item_id": "g2"}, {"slate_id": "s2"}])
def test_a_foreign_token_is_refused(change: dict[str, str]) -> None:
    tokens = Tokens([b"one"])
    with pytest.raises(BadTokenError):
        tokens.verify(tokens.sign(CLAIM), **(ASKED | change))  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.ü", "e30.AAAA"])
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(BadTokenError, match="not signed here"):
        Tokens([b"one"]).verify(token, **ASKED)  # type: ignore[arg-type]


def test_a_changed_body_is_refused() -> None:
    tokens = Tokens([b"one"])
    _, _, mac = tokens.sign(CLAIM).partition(".")
    body, _, _ = tokens.sign(Claim("p1", "s1", "g1", 0, 0.9, issued=1_000_000.0)).partition(".")
    with pytest.raises(BadTokenError, match="not signed here"):
        tokens.verify(f"{body}.{mac}", **ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event_type", "age", "lives"),
    [
        ("click", DAY_SECONDS, True),
        ("click", DAY_SECONDS + 1, False),
        ("visit", 7 * DAY_SECONDS, True),
        ("rating", 7 * DAY_SECONDS + 1, False),
        ("click", -300, True),
        ("click", -301, False),
    ],
)
def test_a_token_lives_as_long_as_its_kind_of_event(event_type: str, age: float, lives: bool) -> None:
    tokens = Tokens([b"one"])
    asked = ASKED | {"event_type": event_type, "now": CLAIM.issued + age}
    if lives:
        assert tokens.verify(tokens.sign(CLAIM), **asked) == CLAIM  # type: ignore[arg-type]
    else:
        with pytest.raises(BadTokenError, match="expired"):
            tokens.verify(tokens.sign(CLAIM), **asked)  # type: ignore[arg-type]


def test_an_old_key_still_verifies_and_the_first_one_signs() -> None:
    old, both = Tokens([b"old"]), Tokens([b"new", b"old"])
    assert both.verify(old.sign(CLAIM), **ASKED) == CLAIM  # type: ignore[arg-type]
    with pytest.raises(BadTokenError):
        old.verify(both.sign(CLAIM), **ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize("keys", [[], [b""], [b"a", b""]])
def test_no_key_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        Tokens(keys)
