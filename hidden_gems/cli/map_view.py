"""A small map as inline SVG: shores, all places as dots, the slate as numbered pins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # latitude, longitude in degrees

HEART_OF_ISTANBUL = ((40.99, 28.94), (41.055, 29.05))
"""Corners that every map of Istanbul shows, so that both shores are on it."""
WIDTH = 620
MARGIN_SHARE = 0.08
PIN_RADIUS = 10.0
_MIN_SPAN_DEGREES = 0.03
_ROUNDS = 60


@dataclass(frozen=True)
class Pin:
    """A numbered place."""

    number: int
    at: Point
    name: str


def svg_map(
    pins: Sequence[Pin], places: NDArray[np.float64], shores: Mapping[str, Sequence[Point]], here: Point | None = None
) -> str:
    """Draw the map.

    Args:
        pins: The slate.
        places: Latitude and longitude of every place, size I X 2, NaN where unknown.
        shores: Outlines of land by name; empty for other cities.
        here: Where the person is.

    Returns:
        One `svg` element.
    """
    known = places[~np.isnan(places).any(axis=1)]
    shown = [pin.at for pin in pins] + ([here] if here else [])
    if not shown and not len(known):
        return ""
    corners = [*shown, *(HEART_OF_ISTANBUL if shores else ())] or [tuple(known.min(axis=0)), tuple(known.max(axis=0))]
    project, height = _projection(np.array(corners))
    land = "".join(
        f'<path class="land" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in project(np.array(outline)))} Z">'
        f"<title>{escape(name)}</title></path>"
        for name, outline in shores.items()
    )
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in project(known))
    ground = "sea" if shores else "ground"
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="Map of the recommended places">'
        f'<rect class="{ground}" width="{WIDTH}" height="{height:.0f}"/>{land}{dots}{_here(here, project)}'
        f"{_pins(pins, project)}</svg>"
    )


class _Projection:
    def __init__(self, low: NDArray[np.float64], scale: NDArray[np.float64], height: float) -> None:
        self.low, self.scale, self.height = low, scale, height

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        north_east = (points.reshape(-1, 2) - self.low) * self.scale
        return np.column_stack([north_east[:, 1], self.height - north_east[:, 0]])


def _projection(corners: NDArray[np.float64]) -> tuple[_Projection, float]:
    """Equirectangular around the middle: good to a pixel over a city."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    span = np.maximum(high - low, _MIN_SPAN_DEGREES)
    middle = (low + high) / 2
    low, span = middle - span * (0.5 + MARGIN_SHARE), span * (1 + 2 * MARGIN_SHARE)
    pixels = WIDTH / span[1]
    scale = np.array([pixels / np.cos(np.radians(middle[0])), pixels])
    height = float(np.clip(span[0] * scale[0], 0.5 * WIDTH, 1.4 * WIDTH))
    if height < span[0] * scale[0]:  # too tall: shrink, and centre what is then too narrow
        shrink = height / (span[0] * scale[0])
        scale = scale * shrink
        low = low - np.array([0.0, (WIDTH / scale[1] - span[1]) / 2])
    else:
        low = low - np.array([(height / scale[0] - span[0]) / 2, 0.0])
    return _Projection(low, scale, height), height


def _here(here: Point | None, project: _Projection) -> str:
    if here is None:
        return ""
    [[x, y]] = project(np.array([here]))
    return f'<circle class="here" cx="{x:.1f}" cy="{y:.1f}" r="7"><title>you are here</title></circle>'


def _pins(pins: Sequence[Pin], project: _Projection) -> str:
    if not pins:
        return ""
    true = project(np.array([pin.at for pin in pins]))
    parts = []
    for pin, (x0, y0), (x, y) in zip(pins, true, _apart(true), strict=True):
        parts.append(f'<line class="lead" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<g class="pin"><title>{escape(pin.name)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="{PIN_RADIUS:.0f}"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}">{pin.number}</text></g>'
        )
    return "".join(parts)


def _apart(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Push pins that cover each other apart; the same points always end at the same places."""
    angles = 2.399963 * np.arange(len(points))  # golden angle: pins on one spot leave in different directions
    moved = points + 0.5 * np.column_stack([np.cos(angles), np.sin(angles)])
    for _ in range(_ROUNDS):
        apart = moved[:, None] - moved[None]
        distance = np.hypot(apart[..., 0], apart[..., 1])
        np.fill_diagonal(distance, np.inf)
        push = np.clip(2.1 * PIN_RADIUS - distance, 0, None) / 2
        if not push.any():
            break
        moved = moved + (apart / distance[..., None] * push[..., None]).sum(axis=1)
    return moved
