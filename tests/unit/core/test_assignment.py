import hashlib

import pytest

from hidden_gems.core.assignment import Assignment

PEOPLE = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(20_000)]


def static(assignment: Assignment) -> set[str]:
    return {person for person in PEOPLE if assignment.of(person) == "static"}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_of_static_people_is_the_one_asked_for(share: float) -> None:
    deviation = (share * (1 - share) / len(PEOPLE)) ** 0.5
    assert len(static(Assignment(share))) / len(PEOPLE) == pytest.approx(share, abs=4 * deviation)


def test_nobody_or_everybody() -> None:
    assert static(Assignment()) == set()
    assert static(Assignment(1.0)) == set(PEOPLE)


def test_a_person_stays_where_they_are_when_the_share_grows() -> None:
    assert static(Assignment(0.1)) < static(Assignment(0.2))
    # written down: another hash would move everybody in the middle of a comparison
    assert [Assignment(0.5).of(f"p{number}") == "static" for number in range(8)] == [
        False, False, False, True, False, True, True, False,
    ]  # fmt: skip


def test_another_salt_is_an_independent_choice() -> None:
    both = static(Assignment(0.5)) & static(Assignment(0.5, "another"))
    assert len(both) / len(PEOPLE) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / len(PEOPLE)) ** 0.5)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_zero_and_one(share: float) -> None:
    with pytest.raises(ValueError, match="must be 0 to 1"):
        Assignment(share)
