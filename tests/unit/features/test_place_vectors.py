import numpy as np

from hidden_gems.features.place_vectors import on_sphere, place_vectors

PLACE = np.column_stack([41.0 + np.arange(6) / 10, np.full(6, 29.0)])


def test_each_place_is_its_own_centre_where_there_are_few() -> None:
    vectors = place_vectors(np.vstack([[np.nan, np.nan], PLACE]))
    assert vectors.shape == (7, 6)
    assert vectors.dtype == np.float32
    assert not vectors[0].any()
    np.testing.assert_allclose(vectors[1:].sum(axis=1), 1.0, rtol=1e-6)
    assert (np.sort(vectors[1:].argmax(axis=1)) == np.arange(6)).all()
    ratio = np.sort(vectors[1])[-2] / vectors[1].max()
    np.testing.assert_allclose(ratio, np.exp(-0.5), rtol=1e-4)  # the neighbour is one width away


def test_many_places_share_centres_and_follow_the_seed() -> None:
    place = np.random.default_rng(0).random((300, 2))
    vectors = place_vectors(place, centres=8, seed=1)
    assert vectors.shape == (300, 8)
    np.testing.assert_array_equal(vectors, place_vectors(place, centres=8, seed=1))
    near, far = np.linalg.norm(place - place[0], axis=1).argsort()[[1, -1]]
    assert np.abs(vectors[near] - vectors[0]).sum() < np.abs(vectors[far] - vectors[0]).sum()


def test_no_columns_where_places_say_nothing() -> None:
    assert place_vectors(np.full((4, 2), np.nan)).shape == (4, 0)
    assert place_vectors(np.tile([[41.0, 29.0]], (4, 1))).shape == (4, 0)


def test_points_on_the_sphere() -> None:
    np.testing.assert_allclose(
        on_sphere(np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]])), [[1, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-12
    )
