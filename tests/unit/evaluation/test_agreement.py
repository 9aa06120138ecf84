import numpy as np
import pytest

from hidden_gems.evaluation.agreement import alpha


def test_alpha_is_that_of_the_published_example() -> None:
    # Krippendorff (2011), C: four observers, twelve units, some missing
    nan = np.nan
    ratings = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        ]
    )
    assert alpha(ratings, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(ratings, "interval") == pytest.approx(0.849, abs=5e-4)


def test_alpha_of_one_rater_or_of_equal_ratings_is_unknown() -> None:
    assert np.isnan(alpha(np.array([[1.0, 2.0]]), "nominal"))
    assert np.isnan(alpha(np.ones((2, 5)), "nominal"))
    assert alpha(np.array([[1.0, 2.0], [1.0, 2.0]]), "interval") == 1.0
