"""Variables that are yes or no, read as pydantic reads those of the settings."""

import os

from pydantic import TypeAdapter, ValidationError

from hidden_gems.core.errors import BadInputError


def flag(name: str) -> bool:
    """Whether a variable says yes (true, 1, yes, on); no where there is none.

    Raises:
        BadInputError: If it says neither yes nor no.
    """
    try:
        return TypeAdapter(bool).validate_python(os.environ.get(name) or "false")
    except ValidationError as error:
        raise BadInputError(f"{name} is {os.environ[name]!r}; expected true or false") from error
