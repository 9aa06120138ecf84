"""One view a side: the packed row that serving reads, and its totals in the open for everyone else."""

from datetime import timedelta

from data_sources import item_push, user_push
from entities import item, user
from feast import FeatureView, Field
from feast.types import Float64, String

from hidden_gems.features import raw
from hidden_gems.features.store import ITEM_VIEW, PACKED, USER_VIEW

user_rows = FeatureView(
    name=USER_VIEW,
    entities=[user],
    ttl=timedelta(days=30),  # Feast does not enforce it on reads; ages are judged by the reader
    schema=[Field(name=PACKED, dtype=String), *(Field(name=name, dtype=Float64) for name in raw.USER)],
    source=user_push,
)
item_rows = FeatureView(
    name=ITEM_VIEW,
    entities=[item],
    ttl=timedelta(days=30),
    schema=[Field(name=PACKED, dtype=String), *(Field(name=name, dtype=Float64) for name in raw.ITEM)],
    source=item_push,
)
