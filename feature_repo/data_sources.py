"""Where rows come from: Parquet of a whole moment, and pushes of the stream in between."""

import os
from pathlib import Path

from feast import FileSource, PushSource

_DATA = Path(os.environ["GEMS_FEAST_DATA"])

user_batch = FileSource(
    name="user_rows_batch", path=str(_DATA / "user_rows.parquet"), timestamp_field="event_timestamp"
)
item_batch = FileSource(
    name="item_rows_batch", path=str(_DATA / "item_rows.parquet"), timestamp_field="event_timestamp"
)
user_push = PushSource(name="user_rows_push", batch_source=user_batch)
item_push = PushSource(name="item_rows_push", batch_source=item_batch)
