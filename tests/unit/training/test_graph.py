from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.features.facts import ItemFacts
from hidden_gems.training.graph import Graph, nearest, strengths
from tests.logs import log_of

LOG = log_of([(1, 1), (1, 2), (1, 1), (2, 2), (1, 3)], users=3, items=5, rewards=[0.5, 1.0, 0.2, 1.0, 0.4])


def test_strength_is_the_best_reward_halved_by_later_interactions() -> None:
    pairs, strength = strengths(LOG, half_life=1.0)
    assert pairs.keys.tolist() == [6, 7, 8, 12]
    np.testing.assert_allclose(strength, [0.5 * 0.5, 1.0 * 0.25, 0.4, 1.0])  # item 1: one came after its last visit
    np.testing.assert_allclose(strengths(LOG, np.inf)[1], [0.5, 1.0, 0.4, 1.0])


def _graph() -> Graph:
    facts = replace(
        ItemFacts.none(5),
        kind=np.array([0, 1, 1, 2, 1]),
        area=np.array([0, 1, 0, 1, 1]),
        place=np.array([[np.nan, np.nan], [41.0, 29.0], [41.0, 29.01], [41.0, 29.03], [np.nan, np.nan]]),
    )
    return Graph.of(LOG, facts)


def test_nodes_are_people_items_types_neighbourhoods() -> None:
    graph = _graph()
    assert (graph.users, graph.items, graph.kinds, graph.areas, graph.nodes) == (3, 5, 3, 2, 13)


def test_edges_of_who_met_what_are_symmetric_and_normalised() -> None:
    table = _graph().met().weights.to_dense().numpy()
    np.testing.assert_array_equal(table, table.T)
    assert np.count_nonzero(table) == 8
    assert table[1, 3 + 1] == pytest.approx(0.5 / np.sqrt((1.9 + 5) * (0.5 + 5)))
    assert table[2, 3 + 2] == pytest.approx(1.0 / np.sqrt((1.0 + 5) * (2.0 + 5)))


def test_hidden_pairs_leave_no_trace() -> None:
    graph = _graph()
    visible = np.array([True, False, True, True])
    table = graph.met(visible).weights.to_dense().numpy()
    assert table[1, 3 + 2] == 0
    assert table[1, 3 + 1] == pytest.approx(0.5 / np.sqrt((0.9 + 5) * (0.5 + 5)))
    assert table[2, 3 + 2] == pytest.approx(1.0 / np.sqrt((1.0 + 5) * (1.0 + 5)))
    assert graph.trust(visible)[3 + 2] == pytest.approx(1 / 4)
    assert graph.trust(np.array([True, True, True, False]))[2] == 0


def test_trust_grows_with_people() -> None:
    trust = _graph().trust()
    assert trust.dtype == np.float32
    np.testing.assert_allclose(trust[:, 0], [0, 1, 1, 0, 1 / 4, 2 / 5, 1 / 4, 0, 0.5, 0.5, 0.5, 0.5, 0.5], rtol=1e-6)


def test_what_places_an_item_is_a_mean_over_trusted_items() -> None:
    graph = _graph()
    near, kind, area = (each.weights.to_dense().numpy() for each in graph.places)
    np.testing.assert_allclose(near.sum(axis=1)[4:7], 1.0, rtol=1e-6)
    assert near[4, 5] > near[4, 6] > 0  # item 1 is nearer to 2 than to 3
    first_kind = 3 + 5 + 1
    assert kind[4, first_kind] == 1.0
    np.testing.assert_allclose(kind[first_kind, 4:8], [0.25 / 0.65, 0.4 / 0.65, 0, 0], rtol=1e-6)
    first_area = 3 + 5 + 3 + 1
    assert area[6, first_area] == 1.0
    assert area[5].sum() == 0  # its neighbourhood is not known
    np.testing.assert_allclose(area[first_area, 4:8], [0.5, 0, 0.5, 0], rtol=1e-6)


def test_edges_are_turned_for_the_way_back() -> None:
    for each in _graph().places:
        np.testing.assert_array_equal(each.turned.to_dense().numpy(), each.weights.to_dense().numpy().T)


def test_nearest_weighs_by_distance_in_the_median() -> None:
    place = np.array([[np.nan, np.nan], [0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    to, source, weight = nearest(place, most=1)
    assert list(zip(to.tolist(), source.tolist(), strict=True)) == [(1, 2), (2, 1), (3, 2)]
    np.testing.assert_allclose(weight, np.exp([-1.0, -1.0, -2.0]), rtol=1e-3)


@pytest.mark.parametrize("known", [0, 1])
def test_without_other_places_nothing_is_near(known: int) -> None:
    place = np.full((3, 2), np.nan)
    place[:known] = 41.0
    assert [len(part) for part in nearest(place, most=3)] == [0, 0, 0]


def test_items_in_one_place_are_near_and_not_their_own_neighbours() -> None:
    to, source, weight = nearest(np.full((4, 2), 41.0), most=10)
    assert (to != source).all()
    assert len(to) == 12
    np.testing.assert_allclose(weight, 1.0, rtol=1e-3)
