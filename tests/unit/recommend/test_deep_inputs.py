from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index, Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.attributes import attribute_vectors
from hidden_gems.features.context import context_vectors
from hidden_gems.features.request import RequestContext
from hidden_gems.features.snapshot import user_rows
from hidden_gems.models.histories import Histories
from hidden_gems.recommend.deep import DEEP_FEATURES, DeepAnswer, deep_answer, deep_features, deep_inputs
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import Person, path
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.tables import ReleaseTables
from tests import factories
from tests.worlds import COUNT, NOW, change, context, request, tables, world

PLACES = 200  # more than anybody has


def test_every_model_of_the_graph_has_a_feature_of_its_own() -> None:
    assert {name: f"{name}_score" for name in ("ncf", "wide_deep", "sasrec", "gru4rec", "graphsage")} == DEEP_FEATURES


def test_tensors_of_a_request() -> None:
    somebody = Person(replace(world().new_user, path=(("g7", NOW - 60),)), embedding=3)
    asked = request(context=context(weather="rain", temperature_c=5.0), mood="calm", session=("g2",))
    inputs = deep_inputs(world(), somebody, asked, np.array([4, 0, 30]))
    assert list(inputs) == ["user", "rows", "context", "history", "ages", "new"]
    assert inputs["user"].tolist() == [3]
    assert inputs["rows"].tolist() == [4, 0, 30]
    when = Moments.at(np.array([NOW]), weather=["rain"], temperature_c=[5.0], mood=["calm"])
    np.testing.assert_array_equal(inputs["context"], context_vectors(when, "Europe/Istanbul"))
    assert inputs["history"].tolist() == [[7, 2]]
    assert inputs["ages"].tolist() == [[60.0, 1.0]]
    assert inputs["new"].shape == (0, len(tables().encoder.names))
    kinds = [inputs[name].dtype for name in inputs]
    assert kinds == [np.int64, np.int64, np.float32, np.int64, np.float32, np.float32]


def test_gems_newer_than_the_release_come_with_their_attributes() -> None:
    came = {
        "n1": change("n1", NOW - 30.0, type="cafe", authenticity=0.5),
        "n2": change("n2", NOW - 20.0, type="museum", lat=41.1, lon=28.97),
        "g3": change("g3", NOW - 10.0, type="bar"),
    }
    now = world(items=LiveItems.of(tables(), came))
    inputs = deep_inputs(now, Person(), request(), np.array([COUNT + 2, 3, COUNT + 2]))
    assert inputs["rows"].tolist() == [COUNT + 1, 3, COUNT + 1]
    encoder = tables().encoder
    assert inputs["new"].shape == (1, len(encoder.names))
    told = dict(zip(encoder.names, inputs["new"][0].tolist(), strict=True))
    assert (told["type=museum"], told["type=cafe"], told["place_known"]) == (1.0, 0.0, 1.0)
    both = deep_inputs(now, Person(), request(), np.array([COUNT + 2, COUNT + 1]))
    assert both["rows"].tolist() == [COUNT + 2, COUNT + 1]
    np.testing.assert_array_equal(both["new"][1], inputs["new"][0])
    assert both["new"][0, encoder.names.index("authenticity")] == 0.5


def test_attributes_of_the_release_are_those_that_models_learned_from() -> None:
    dataset = factories.rich_dataset(users=5, count=9, events=60)
    items = dataset.items
    made = replace(tables(), columns={str(name): items[name].tolist() for name in items.columns})
    learned = attribute_vectors(items)
    assert made.encoder == learned.encoder
    clean = ReleaseTables(
        {name: [None if value != value else value for value in values] for name, values in made.columns.items()},
        *(getattr(made, name) for name in ("neighbours", "weights", "prior", "generator")),
    )
    assert clean.encoder == learned.encoder


def test_what_the_graph_says_is_read_by_name() -> None:
    outputs = {"vector": np.ones((1, 2)), "scores": np.array([[1.0], [2.0]]), "attention": np.zeros((1, 3))}
    answer = deep_answer(outputs)
    assert (answer.scores.shape, answer.attention.shape, answer.vector.shape) == ((2, 1), (3,), (2,))
    assert deep_features(("sasrec", "ncf"), answer) == {"sasrec_score": [1.0], "ncf_score": [2.0]}
    assert deep_features(("ncf",), None) == {}
    assert DeepAnswer(*(np.zeros(1, np.float32),) * 3).vector.tolist() == [0.0]


@pytest.mark.parametrize("dataset", [factories.rich_dataset(), factories.plain_dataset(order_only=True)], ids=str)
@pytest.mark.parametrize("share", [0.4, 0.9, 1.0])
def test_serving_and_training_read_the_same_history(dataset: Dataset, share: float) -> None:
    times = dataset.interactions["timestamp"]
    at = dataset.now if share == 1.0 else int(times.iloc[int(share * len(times))])
    users, items = Index(dataset.users["user_id"].tolist()), Index(dataset.items["item_id"].tolist())
    histories = Histories.of(Interactions.of(dataset, users, items))
    live = LiveItems.of(
        replace(tables(), columns={str(name): dataset.items[name].tolist() for name in dataset.items.columns}), {}
    )
    asked = RequestContext(at, dataset.about.timezone, order_only=dataset.about.order_only)
    rows, found = user_rows(dataset, dataset.now), 0
    for row, name in enumerate(users.ids[1:], 1):
        trained, ages = histories.last(np.array([row]), Moments.at(np.array([at])), PLACES)
        there = trained[0] > 0
        served = path(Person(rows[name]), Request(name, asked), live)
        found += int(there.sum())
        if there.any():
            np.testing.assert_array_equal(served.rows, trained[0][there])
            np.testing.assert_array_equal(served.ages, ages[0][there])
        else:
            assert served.rows.tolist() == [0]
    assert found > 100
