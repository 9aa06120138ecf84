"""Lists of what follows what: the models' own best, without the gem itself."""

import numpy as np

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories
from hidden_gems.steps.following import WIDTH, following
from tests.deep_models import LOG, deep_models

AT = int(LOG.timestamp.max()) + 3_600


def test_lists_are_what_the_models_say_of_one_place() -> None:
    models = deep_models("sasrec", "graphsage", epochs=1)
    before = models["sasrec"].histories
    found = following(models, AT)
    assert found.keys() == {"sasrec", "graphsage"}
    count = LOG.items
    for table in found.values():
        assert table.shape == (count, min(WIDTH, count - 2))
        assert not (table == np.arange(count)[:, None])[1:].any()
        assert (table[1:] > 0).all()
        assert all(len(set(row)) == len(row) for row in table[1:].tolist())
    sasrec, item = models["sasrec"], 3
    assert sasrec.histories is before
    items = np.arange(1, count)
    once = Interactions(items, items, np.full(count - 1, AT - 3_600), np.ones(count - 1, np.float32), count, count)
    histories = Histories.of(once)
    [scores] = sasrec.catalogue(sasrec.module, np.array([item]), Moments.at(np.array([AT])), histories)
    scores[[0, item]] = -np.inf
    assert found["sasrec"][item].tolist() == np.argsort(-scores, kind="stable")[: min(WIDTH, count - 2)].tolist()
    vectors = models["graphsage"].item_table
    cosine = vectors @ vectors[item] / np.linalg.norm(vectors, axis=1) / np.linalg.norm(vectors[item])
    cosine[[0, item]] = -np.inf
    assert found["graphsage"][item][0] == np.argmax(cosine)


def test_models_that_say_nothing_of_pairs_have_no_list() -> None:
    assert following({"ncf": object()}, AT) == {}
