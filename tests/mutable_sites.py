"""The places of a source file where one small change should be noticed by a test, and that change."""

import ast
import io
import tokenize
from dataclasses import dataclass

OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*", "@": "*", "&": "|", "|": "&",
    "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|=",
    "and": "or", "or": "and", "is": "is not", "is not": "is", "in": "not in", "not in": "in",
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any",
         "argmin": "argmax", "argmax": "argmin", "idxmin": "idxmax", "idxmax": "idxmin", "floor": "ceil",
         "ceil": "floor", "nanmin": "nanmax", "nanmax": "nanmin"}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """One change: the text between two columns of a line, and what replaces it."""

    line: int  # from 1
    start: int  # column, in characters
    end: int
    new: str
    lines: tuple[int, int]  # first and last line of the statement it belongs to
    at_import: bool  # the statement runs when the module is imported

    def mutate(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        old = lines[self.line - 1]
        lines[self.line - 1] = old[: self.start] + self.new + old[self.end :]
        return "".join(lines)

    def in_words(self, source: str) -> str:
        """The line before and after, wherever it stands."""
        old = source.splitlines()[self.line - 1]
        return f"{old.strip()} -> {(old[: self.start] + self.new + old[self.end :]).strip()}"


def sites_of(source: str) -> list[Site]:
    """All sites of a file, one per token, in the order of the text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(finder.sites, key=lambda site: (site.line, site.start))


class _Finder(ast.NodeVisitor):
    """Skips what runs in no test or says nothing about behaviour.

    Annotations and decorators are left to mypy. Texts are for people, numbers in f-strings and `verbose` included.
    `strict=True` of zip guards what the lines above it already make true.
    """

    def __init__(self, source: str) -> None:
        self.sites: list[Site] = []
        self._rows = source.splitlines()
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        self._tokens = [token for token in tokens if token.type in (tokenize.OP, tokenize.NAME)]
        self._statement = (1, 1)
        self._depth = 0

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._statement = (node.lineno, _last_line(node))
        super().visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        statement = self._statement
        for child in ast.iter_child_nodes(node):
            self.visit(child)
            if isinstance(child, ast.stmt):
                self._statement = statement

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]:
            self.visit(default)
        self._depth += 1
        for child in node.body:
            self.visit(child)
        self._depth -= 1

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        depth, self._depth = self._depth, 0
        for child in node.body:
            self.visit(child)
        self._depth = depth

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts are not changed."""

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in ("strict", "verbose"):
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
            self._operator(left, right)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if self._depth or not isinstance(node.op, ast.BitOr):  # outside of functions `|` joins types
            self._operator(node.left, node.right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._operator(left, right)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._operator(node.target, node.value)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        new = {"Not": "", "USub": "+", "Invert": ""}.get(type(node.op).__name__)
        width = 4 if isinstance(node.op, ast.Not) else 1
        if new is not None:
            self._add(node.lineno, self._column(node.lineno, node.col_offset), width, new)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._replace(node, repr(node.value + 1))

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in NAMES:
            self._replace(node, NAMES[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in NAMES and node.end_lineno and node.end_col_offset:
            end = self._column(node.end_lineno, node.end_col_offset)
            self._add(node.end_lineno, end - len(node.attr), len(node.attr), NAMES[node.attr])
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        value = node.value
        if value and value.lineno == value.end_lineno and not isinstance(value, ast.Constant):
            self._replace(value, "None")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "break")

    def _operator(self, left: ast.expr, right: ast.expr) -> None:
        """The operator is the one token between two operands that is neither a parenthesis nor a comment."""
        start, end = (left.end_lineno, self._column(left.end_lineno, left.end_col_offset)), (
            right.lineno, self._column(right.lineno, right.col_offset))  # fmt: skip
        between = [t for t in self._tokens if start <= t.start and t.end <= end and t.string not in "()"]
        name = " ".join(token.string for token in between)
        if name in OPERATORS and between[0].start[0] == between[-1].start[0]:
            row, column = between[0].start
            self._add(row, column, between[-1].end[1] - column, OPERATORS[name])

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        start = self._column(node.lineno, node.col_offset)
        self._add(node.lineno, start, self._column(node.lineno, node.end_col_offset or 0) - start, new)

    def _add(self, line: int, start: int, width: int, new: str) -> None:
        self.sites.append(Site(line, start, start + width, new, self._statement, not self._depth))

    def _column(self, line: int | None, offset: int | None) -> int:
        """Column in characters; the parser counts bytes."""
        return len(self._rows[(line or 1) - 1].encode()[: offset or 0].decode())


def _last_line(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    return max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
