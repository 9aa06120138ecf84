"""One column of a file as SQL: its value in our words, and the conditions under which a row is set aside."""

from dataclasses import dataclass

from hidden_gems.core.errors import NotADatasetError
from hidden_gems.core.ids import MAX_ID_LENGTH
from hidden_gems.datasets.contract import OTHER, VOCABULARIES, Column

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?"
_ZONE = r" ?([Zz]|[+-]\d{2}(:?\d{2})?)"
_MILLISECONDS_ABOVE = 1e11
_EXACT_BELOW = 1e15  # a larger float no longer tells two ids apart
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_ZONELESS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE")
_WITH_ZONE = "TIMESTAMP WITH TIME ZONE"
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


@dataclass(frozen=True)
class Rule:
    """A reason to set a row aside, and the SQL condition that finds it."""

    column: str
    when: str
    reason: str


@dataclass(frozen=True)
class Cell:
    """The SQL value of one column, and what may be wrong with it; rules name the value by the column's quoted name."""

    value: str
    rules: tuple[Rule, ...] = ()


def literal(text: str) -> str:
    """A text as an SQL literal.

    Examples:
        >>> literal("d'or")
        "'d''or'"
    """
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literals(texts: tuple[str, ...]) -> str:
    """Texts as an SQL list for `IN`."""
    return "(" + ", ".join(map(literal, texts)) + ")"


def cell(column: Column, raw: str, kind: str, *, now: float | None = None, whole: bool = False) -> Cell:
    """Value and rules of a column.

    Args:
        column: What the contract says about it.
        raw: Its name in the table `raw`.
        kind: Its DuckDB type.
        now: Epoch seconds after which a time is in the future; None where times are only an order.
        whole: The column is text in which every id ends in `.0`, as a float column becomes in CSV.

    Raises:
        NotADatasetError: If a column of this type cannot hold what is expected; names the column and the type.
    """
    if column.kind == "id":
        made = _id(column, raw, kind, whole)
    elif column.kind == "time":
        made = _time(column, raw, kind, now)
    elif column.kind in ("number", "integer"):
        made = _number(column, raw, kind)
    elif column.kind == "flag":
        made = _flag(column, raw, kind)
    else:
        made = _text(column, raw, kind)
    if column.required:
        missing = Rule(column.name, f"{_given(raw, kind)} IS NULL", f"no {column.name}")
        return Cell(made.value, (missing, *made.rules))
    return made


def known_word(column: str, text: str) -> str:
    """SQL that maps a word to our vocabulary: aliases resolved, an unknown word `other`, nothing left nothing."""
    words, aliases = VOCABULARIES[column]
    plain = plain_word(text)
    cases = " ".join(f"WHEN {literal(alias)} THEN {literal(word)}" for alias, word in aliases.items())
    mapped = f"CASE {plain} {cases} ELSE {plain} END" if cases else plain
    return f"CASE WHEN {text} IS NULL THEN NULL WHEN {mapped} IN {literals(words)} THEN {mapped} ELSE '{OTHER}' END"


def plain_word(text: str) -> str:
    """SQL of a word in lower case with `_` between its parts."""
    return f"translate(lower(trim({text})), ' -', '__')"


def _given(raw: str, kind: str) -> str:
    """SQL of the cell, null where nothing was given."""
    if kind == "VARCHAR":
        return f"nullif(trim({raw}), '')"
    return f"CASE WHEN NOT isnan({raw}) THEN {raw} END" if kind in ("FLOAT", "DOUBLE") else raw


def _is_fraction_type(kind: str) -> bool:
    return kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL")


def _double(raw: str, kind: str) -> str:
    # a 4-byte 0.1 is the 0.1 that a CSV file would hold, not 0.10000000149
    return f"CAST(CAST({raw} AS VARCHAR) AS DOUBLE)" if kind == "FLOAT" else f"CAST({raw} AS DOUBLE)"


def _refuse(column: Column, kind: str, expected: str) -> NotADatasetError:
    return NotADatasetError(f"the column {column.name} has the type {kind}, expected {expected}")


def _id(column: Column, raw: str, kind: str, whole: bool) -> Cell:
    name = quoted(column.name)
    rules: tuple[Rule, ...] = ()
    if kind == "VARCHAR":
        value = rf"regexp_replace(nullif({raw}, ''), '\.0+$', '')" if whole else f"nullif({raw}, '')"
    elif kind in _INTEGERS or kind == "UUID":
        value = f"CAST({raw} AS VARCHAR)"
    elif _is_fraction_type(kind):
        number = f"CAST({raw} AS DOUBLE)"
        exact = f"isfinite({number}) AND {number} = trunc({number}) AND abs({number}) < {_EXACT_BELOW}"
        value = f"CASE WHEN {exact} THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) END"
        rules = (Rule(column.name, f"{_given(raw, kind)} IS NOT NULL AND {name} IS NULL", "no whole number"),)
    else:
        raise _refuse(column, kind, "text or integers")
    return Cell(
        value,
        (
            *rules,
            Rule(column.name, f"length({name}) > {MAX_ID_LENGTH}", f"longer than {MAX_ID_LENGTH} characters"),
            Rule(column.name, rf"regexp_matches({name}, '\p{{Cc}}')", "has a control character"),
        ),
    )


def _time(column: Column, raw: str, kind: str, now: float | None) -> Cell:
    name, given = quoted(column.name), _given(raw, kind)
    unreadable = Rule(
        column.name, f"{given} IS NOT NULL AND {name} IS NULL", "no time (epoch seconds, or ISO 8601 with zone)"
    )
    zoneless = Rule(column.name, f"{given} IS NOT NULL", "a time without a zone")
    if kind == "VARCHAR":
        seconds = rf"regexp_replace(upper({given}), '^(.{{10}}.\d\d:\d\d)( ?[Z+-])', '\1:00\2')"
        moment = f"epoch(TRY_CAST(replace(regexp_replace({seconds}, '^(.{{10}}) ', '\\1T'), ' ', '') AS TIMESTAMPTZ))"
        value = (
            f"CASE WHEN regexp_full_match({given}, '{_NUMBER}') THEN TRY_CAST({given} AS DOUBLE) "
            f"WHEN regexp_full_match({given}, '{_DATE}{_CLOCK}{_ZONE}') THEN {moment} END"
        )
        no_zone = Rule(column.name, f"regexp_full_match({given}, '{_DATE}({_CLOCK})?')", zoneless.reason)
        rules: tuple[Rule, ...] = (no_zone, unreadable)
    elif kind in _INTEGERS or _is_fraction_type(kind):
        value, rules = f"CASE WHEN isfinite(CAST({raw} AS DOUBLE)) THEN CAST({raw} AS DOUBLE) END", (unreadable,)
    elif kind == _WITH_ZONE:
        value, rules = f"epoch({raw})", (unreadable,)
    elif kind in _ZONELESS:
        value, rules = "CAST(NULL AS DOUBLE)", (zoneless,)
    else:
        raise _refuse(column, kind, "epoch seconds or ISO 8601 with zone")
    ranges = [Rule(column.name, f"{name} < 0", "negative")]
    if now is not None:
        hint = "later than now (milliseconds? seconds are expected)"
        ranges += [Rule(column.name, f"{name} > {max(_MILLISECONDS_ABOVE, now)}", hint)]
        ranges += [Rule(column.name, f"{name} > {now!r}", "later than now")]
    return Cell(value, (*rules, *ranges))


def _number(column: Column, raw: str, kind: str) -> Cell:
    name = quoted(column.name)
    if kind == "VARCHAR":
        given = _given(raw, kind)
        value = (
            f"CASE WHEN regexp_full_match({given}, '{_NUMBER}') THEN TRY_CAST({given} AS DOUBLE) "
            f"WHEN regexp_full_match(lower({given}), '[+-]?(nan|inf|infinity)') THEN CAST('nan' AS DOUBLE) END"
        )
        rules = [Rule(column.name, f"{given} IS NOT NULL AND {name} IS NULL", "no number")]
    elif kind in _INTEGERS or _is_fraction_type(kind):
        value, rules = _double(raw, kind), []
    else:
        raise _refuse(column, kind, "numbers")
    rules += [Rule(column.name, f"NOT isfinite({name})", "NaN or infinite")]
    rules += [Rule(column.name, when, reason) for when, reason in outside(name, column.low, column.high)]
    if column.kind == "integer":
        rules += [Rule(column.name, f"{name} <> trunc({name})", "no whole number")]
    return Cell(value, tuple(rules))


def outside(name: str, low: float | None, high: float | None) -> list[tuple[str, str]]:
    """SQL condition and reason for a number that lies outside a closed range; none for an open one."""
    if low is not None and high is not None and high != float("inf"):
        return [(f"NOT {name} BETWEEN {low} AND {high}", f"outside {low:g} to {high:g}")]
    return [] if low is None else [(f"{name} < {low}", f"below {low:g}")]


def _flag(column: Column, raw: str, kind: str) -> Cell:
    if kind not in ("BOOLEAN", "VARCHAR") and kind not in _INTEGERS and not _is_fraction_type(kind):
        raise _refuse(column, kind, "true or false")
    given = _given(raw, kind)
    word = f"lower(CAST({given} AS VARCHAR))"
    value = f"CASE WHEN {word} IN {literals(_YES)} THEN true WHEN {word} IN {literals(_NO)} THEN false END"
    return Cell(
        value, (Rule(column.name, f"{given} IS NOT NULL AND {quoted(column.name)} IS NULL", "neither true nor false"),)
    )


def _text(column: Column, raw: str, kind: str) -> Cell:
    if kind.endswith("[]"):
        text = f"nullif(array_to_string({raw}, ';'), '')"
    elif kind == "BLOB" or kind.startswith(("STRUCT", "MAP", "UNION")):
        raise _refuse(column, kind, "text")
    else:
        text = f"nullif(CAST({raw} AS VARCHAR), '')"
    return Cell(known_word(column.name, text) if column.name in VOCABULARIES else text)
