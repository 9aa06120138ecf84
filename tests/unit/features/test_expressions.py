import ibis
import pytest
from ibis.config import Config

from hidden_gems.features import expressions as ex
from hidden_gems.features.event_rows import event_rows
from tests import factories

DIALECT_OF_SPARK = "pyspark"
NOT_PORTABLE = ("ASOF", "ORDER BY_LAST", "LAST_VALUE", "FIRST_VALUE")


class SparkOptions(Config):
    treat_nan_as_null: bool = False


@pytest.fixture(scope="module")
def tables() -> tuple[ex.Table, ex.Table, ex.Table]:
    rows = event_rows(factories.rich_dataset(events=30))
    names = ("user", "item", "type", "neighborhood", "sec", "mark")
    marks = ibis.table(dict.fromkeys(names, "int64"), name="marks")
    feedback = ibis.table(ibis.schema({n: str(t) for n, t in rows.feedback.dtypes.items()}), name="feedback")
    shown = ibis.table(ibis.schema({n: str(t) for n, t in rows.impressions.dtypes.items()}), name="impressions")
    return ex.with_firsts(feedback), shown, marks


def test_every_state_compiles_for_spark(
    tables: tuple[ex.Table, ex.Table, ex.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled only: ibis refuses what Spark cannot do; its option of the backend exists only where pyspark does."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    feedback, shown, marks = tables
    states = [
        ex.user_state(feedback, marks),
        ex.item_state(feedback, shown, marks, order_only=False),
        ex.item_state(feedback, shown, marks, order_only=True),
        ex.own_state(feedback, marks),
        ex.type_state(feedback, shown, marks),
        ex.neighborhood_state(feedback, marks),
        ex.last_likes(feedback, 9, 5),
    ]
    for state in states:
        sql = str(ibis.to_sql(state, dialect=DIALECT_OF_SPARK)).upper()
        assert "SELECT" in sql
        assert not [word for word in NOT_PORTABLE if word in sql]
