"""1,000 pairs of a person and a gem at one moment, by the training path and by the path of a request."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.request import RequestContext, request_columns, request_vectors, user_row
from hidden_gems.features.schema import SCORE_NAMES
from hidden_gems.features.store import FeatureStore
from hidden_gems.features.vector import feature_matrix


def requests(dataset: Dataset, at: int) -> Iterator[tuple[str, list[str], RequestContext]]:
    random = np.random.default_rng(3)
    people = [*dataset.users["user_id"][:19], "nobody"]
    for number, user in enumerate(people):
        gems = random.choice([*dataset.items["item_id"], "nowhere"], 50).tolist()
        given = {"lat": 41.05, "lon": 29.01, "weather": "rainy", "temperature_c": 31.5} if number % 2 else {}
        order_only = dataset.about.order_only
        yield user, gems, RequestContext(at, dataset.about.timezone, order_only=order_only, **given)  # type: ignore[arg-type]


def assert_parity(dataset: Dataset, at: int, store: FeatureStore) -> None:
    rows = ItemRows.read(store, dataset.items["item_id"].tolist())
    table, columns, vectors, marks, scores = item_table(dataset.items), [], [], [], []
    for number, (user, gems, context) in enumerate(requests(dataset, at)):
        score = {name: np.linspace(-1, 1, len(gems)) * number for name in SCORE_NAMES[:3]}
        row = user_row(store, user)
        columns.append(pd.DataFrame(request_columns(row, rows, gems, items=table, context=context)))
        vectors.append(request_vectors(row, rows, gems, items=table, context=context, scores=score))
        given = {name: getattr(context, name) for name in ("lat", "lon", "weather", "temperature_c")}
        marks += [{"user_id": user, "item_id": gem, "timestamp": at} | given for gem in gems]
        scores.append(pd.DataFrame(score))
    trained, served = raw_columns(dataset, pd.DataFrame(marks)), pd.concat(columns, ignore_index=True)
    assert set(served) == set(trained)
    for name in trained:
        np.testing.assert_array_equal(served[name], trained[name], err_msg=name)
    assert len(trained) == 1000
    expected = feature_matrix(
        {str(name): trained[name].to_numpy() for name in trained},
        {str(name): column.to_numpy() for name, column in pd.concat(scores, ignore_index=True).items()},
    )
    np.testing.assert_allclose(np.concatenate(vectors), expected, rtol=1e-6, atol=1e-6)
