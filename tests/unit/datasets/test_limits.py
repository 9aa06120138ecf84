import duckdb
import pytest

from hidden_gems.core.errors import BadInputError, OutOfMemoryError
from hidden_gems.datasets.limits import explained, first_line, in_words, options_of


def test_only_limits_that_were_given_are_settings() -> None:
    assert options_of("", 0, "/scratch") == {"temp_directory": "/scratch"}
    assert options_of("6GB", 2, "/s") == {"temp_directory": "/s", "memory_limit": "6GB", "threads": "2"}
    assert in_words("", 0) == "memory as it comes and threads as they come"
    assert in_words("6GB", 2) == "memory 6GB and threads 2"
    assert first_line(ValueError("one\ntwo")) == "one"


def failing(error: Exception) -> None:
    with explained("1GB", 3):
        raise error


def test_what_duckdb_says_about_limits_becomes_what_to_do() -> None:
    with pytest.raises(OutOfMemoryError, match=r"memory 1GB and threads 3: full; give it more memory, fewer threads"):
        failing(duckdb.OutOfMemoryException("full\nlong story"))
    with pytest.raises(BadInputError, match="cannot start with memory 1GB and threads 3: Memory must have a number"):
        failing(duckdb.ParserException("Memory must have a number"))
    with pytest.raises(BadInputError, match="cannot start"):
        failing(duckdb.InvalidInputException("Must have at least 1 thread!"))
    with pytest.raises(duckdb.ParserException, match="syntax"):
        failing(duckdb.ParserException("syntax error"))
    with pytest.raises(KeyError):
        failing(KeyError("memory"))
