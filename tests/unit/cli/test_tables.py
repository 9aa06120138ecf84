import io
import math

import pytest
from rich.console import Console

from hidden_gems.cli.tables import figure_rows, figures_table
from hidden_gems.evaluation.report import Evaluation, Figure

NEW, REPEATS, SLATES = "full catalogue, new places", "full catalogue, with repeats", "impression lists"
FIGURES = (
    Figure("popular", NEW, "ndcg@10", 0.1234, 0.1, 0.1456, 1_234),
    Figure("popular", NEW, "auc", 0.7, 0.6, 0.8, 1_234),
    Figure("popular", REPEATS, "ndcg@10", 0.5, math.nan, math.nan, 7),
    Figure("ncf", NEW, "ndcg@10", math.nan, math.nan, math.nan, 1_234),
    Figure("logged order", SLATES, "ndcg@10", 0.25, 0.125, 0.5, 9),
)


def evaluation(simulated: bool = True) -> Evaluation:
    return Evaluation("town", "abc", simulated, 3, 10, {}, {}, {}, FIGURES)


def test_rows_are_models_and_columns_protocols() -> None:
    head, body = figure_rows(evaluation(), "ndcg@10")
    assert head == ["model", NEW, REPEATS, SLATES]
    assert body == [
        ["popular", ".123\n.100–.146", ".500", ""],
        ["ncf", "nobody", "", ""],
        ["logged order", "", "", ".250\n.125–.500"],
        ["people", "1,234", "7", "9"],
    ]
    assert figure_rows(evaluation(), "auc") == (
        ["model", NEW], [["popular", ".700\n.600–.800"], ["people", "1,234"]],
    )  # fmt: skip


@pytest.mark.parametrize("simulated", [True, False])
def test_the_table_says_what_it_is_of(simulated: bool) -> None:
    console = Console(file=io.StringIO(), width=140)
    table = figures_table(evaluation(simulated))
    console.print(table)
    assert (
        table.title == f"ndcg@10 on town{', simulated data' if simulated else ''}, seed 3, 95 % intervals over people"
    )
    assert [column.justify for column in table.columns] == ["left", "right", "right", "right"]
    assert table.row_count == 4
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert ".100–.146" in printed
    assert "logged order" in printed
