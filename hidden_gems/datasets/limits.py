"""What DuckDB may use, and what it says when that is not enough."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from hidden_gems.core.errors import BadInputError, OutOfMemoryError


def options_of(memory: str, threads: int, scratch: str) -> dict[str, str]:
    """Settings of a connection.

    Args:
        memory: As `6GB`, before it goes to disk; empty is DuckDB's own choice.
        threads: 0 is DuckDB's own choice.
        scratch: Folder for what does not fit into memory.
    """
    options = {"temp_directory": scratch, "memory_limit": memory, "threads": str(threads or "")}
    return {name: value for name, value in options.items() if value}


def in_words(memory: str, threads: int) -> str:
    """Limits for people."""
    return f"memory {memory or 'as it comes'} and threads {threads or 'as they come'}"


@contextmanager
def explained(memory: str, threads: int) -> Iterator[None]:
    """Turn what DuckDB says about its limits into what to do.

    Raises:
        OutOfMemoryError: If it has less memory than the rows need.
        BadInputError: If it cannot read its settings.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemoryError(
            f"DuckDB ran out of memory with {in_words(memory, threads)}: {first_line(error)}; "
            "give it more memory, fewer threads, or a larger disk for scratch"
        ) from error
    except (duckdb.ParserException, duckdb.InvalidInputException) as error:
        if "emory" not in str(error) and "thread" not in str(error):
            raise
        raise BadInputError(f"DuckDB cannot start with {in_words(memory, threads)}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, without the rest of its story."""
    return str(error).strip().split("\n")[0]
