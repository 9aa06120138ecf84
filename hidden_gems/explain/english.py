"""Small English grammar: articles, lists, counts."""

from collections.abc import Sequence


def a(noun: str) -> str:
    """A noun with its indefinite article, by its first letter.

    Examples:
        >>> a("café"), a("eatery"), a("hour"), a("university")
        ('a café', 'an eatery', 'an hour', 'a university')
    """
    first = noun.lower()
    vowel = first[0] in "aeiou" and not first.startswith(("uni", "eu", "one", "use"))
    return f"{'an' if vowel or first.startswith(('hour', 'honest', 'heir')) else 'a'} {noun}"


def listed(words: Sequence[str]) -> str:
    """Words in a row.

    Examples:
        >>> listed(["Balat"]), listed(["Balat", "Fener"]), listed(["Balat", "Fener", "Moda"])
        ('Balat', 'Balat and Fener', 'Balat, Fener and Moda')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def counted(number: int, noun: str) -> str:
    """A number of things: the plain plural behind anything but one.

    Examples:
        >>> counted(1, "minute"), counted(12, "minute")
        ('1 minute', '12 minutes')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {plural(noun)}"


def plural(noun: str) -> str:
    """More than one.

    Examples:
        >>> [plural(noun) for noun in ("café", "gallery", "historical place", "hammam", "church", "bus")]
        ['cafés', 'galleries', 'historical places', 'hammams', 'churches', 'buses']
    """
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def ordinal(number: int) -> str:
    """A place in a row.

    Examples:
        >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 22, 113)]
        ['1st', '2nd', '3rd', '4th', '11th', '22nd', '113th']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
