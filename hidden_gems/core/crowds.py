"""Figures about parts of the people: shown only where a part is a crowd."""

LEAST_PEOPLE = 20
"""People that a group must have before a figure about it leaves the models.

Source: Samarati and Sweeney (1998), k-anonymity. It hides single people in one table; it does not protect against
somebody who subtracts two tables from each other.
"""


def may_be_shown(people: int) -> bool:
    """Whether a figure about so many people may be shown.

    Examples:
        >>> [group for group, people in {"Balat": 120, "Moda": 19}.items() if may_be_shown(people)]
        ['Balat']
    """
    return people >= LEAST_PEOPLE
