"""Small English grammar: articles and plurals."""


def a(noun: str) -> str:
    """A noun with its indefinite article, by its first letter.

    Examples:
        >>> a("café"), a("eatery"), a("hour"), a("university")
        ('a café', 'an eatery', 'an hour', 'a university')
    """
    first = noun.lower()
    vowel = first[0] in "aeiou" and not first.startswith(("uni", "eu", "one", "use"))
    return f"{'an' if vowel or first.startswith(('hour', 'honest', 'heir')) else 'a'} {noun}"


def plural(noun: str) -> str:
    """More than one.

    Examples:
        >>> [plural(noun) for noun in ("café", "gallery", "historical place", "hammam", "church", "bus")]
        ['cafés', 'galleries', 'historical places', 'hammams', 'churches', 'buses']
    """
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
