"""Do raters agree? Krippendorff's alpha, with any number of raters and whatever each left out."""

from typing import Literal

import numpy as np

from hidden_gems.evaluation.metrics import Floats

Scale = Literal["nominal", "interval"]


def alpha(ratings: Floats, scale: Scale) -> float:
    """1 where raters agree, 0 where they do as by chance; NaN where nothing was rated twice or all ratings are equal.

    Args:
        ratings: Of R raters for U units, R X U; NaN where there is none.
        scale: `nominal`: two ratings are equal or not; `interval`: they differ by the square of their difference.

    Source:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.

    Examples:
        >>> round(alpha(np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]]), "nominal"), 3)
        0.533
    """
    raters = (~np.isnan(ratings)).sum(axis=0)
    paired = ratings[:, raters > 1]
    values = np.unique(paired[~np.isnan(paired)])
    if len(values) < 2:
        return float("nan")
    counts = (paired[:, :, None] == values).sum(axis=0)  # of each value in each unit
    each = counts.sum(axis=1)[:, None, None]
    same = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(values))
    observed = (same / (each - 1)).sum(axis=0)
    totals = counts.sum(axis=0)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    apart = values[:, None] - values
    distance = (apart != 0).astype(np.float64) if scale == "nominal" else apart**2
    return float(1.0 - (observed * distance).sum() / (expected * distance).sum())
