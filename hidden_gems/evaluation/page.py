"""What an evaluation found as one HTML page that needs nothing else."""

import math
from html import escape

from hidden_gems.evaluation.report import Evaluation, Figure, cell

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #223; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #dde; padding: .3rem .6rem; text-align: left; white-space: nowrap; }
.simulated { background: #fff3cd; padding: .5rem 1rem; }
"""


def page(evaluation: Evaluation) -> str:
    """One HTML page with bars, tables and the protocols in words; it loads nothing from outside."""
    e = evaluation
    simulated = '<p class="simulated">These are simulated data.</p>' if e.simulated else ""
    counts = ", ".join(f"{value:,} {escape(name.replace('_', ' '))}" for name, value in e.counts.items())
    sections = "\n".join(_section(e, name, words) for name, words in e.protocols.items())
    differences = [(d.protocol, d.model, d.metric, cell(d)) for d in e.differences]
    notes = "".join(f"<li>{escape(note)}</li>" for note in e.notes)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation of {escape(e.dataset)}</title>
<style>{_STYLE}</style></head>
<body><h1>Evaluation of {escape(e.dataset)}</h1>
{simulated}
<p>Dataset fingerprint <code>{escape(e.fingerprint)}</code>, seed {e.seed}: {counts}. The ranker's slice starts at
{e.cut["rank_from"]}, the test at {e.cut["test_from"]} (epoch seconds, or an order). Intervals: 95 %, percentile
bootstrap over people.</p>
<ul>{notes}</ul>
{sections}
<h2>Against popular</h2>
<p>Paired differences over the same people.</p>
{_table([("protocol", "model", "metric", "difference"), *differences])}
</body></html>
"""


def _section(evaluation: Evaluation, protocol: str, words: str) -> str:
    figures = [figure for figure in evaluation.figures if figure.protocol == protocol]
    lines = [line[1:] for line in evaluation.lines() if line[0] in ("protocol", protocol)]
    used = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    table = _table([tuple(line[i] for i in used) for line in lines])
    main = [figure for figure in figures if figure.metric == f"ndcg@{evaluation.k}"]
    people = f"{main[0].users:,} people judged, {main[0].left_out:,} without a relevant item left out." if main else ""
    return f"<h2>{escape(protocol)}</h2><p>{escape(words)} {people}</p>{bars(main)}{table}"


def _table(lines: list[tuple[str, ...]]) -> str:
    head, *body = lines
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
    return "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + f"</tr>{rows}</table>"


_BAR, _LEFT, _WIDTH = 26, 140, 480  # pixels


def bars(figures: list[Figure]) -> str:
    """Horizontal bars with intervals as inline SVG; figures that do not exist are left out."""
    known = [figure for figure in figures if math.isfinite(figure.value)]
    if not known:
        return "<p>Nothing to draw: no figure could be computed.</p>"
    top = max(max(f.value, f.high if math.isfinite(f.high) else 0.0) for f in known) or 1.0
    scale = _WIDTH / top
    parts = []
    for row, figure in enumerate(known):
        middle = row * _BAR + _BAR / 2
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(figure.model)}</text>'
            f'<rect x="{_LEFT}" y="{middle - 8}" width="{figure.value * scale:.1f}" height="16" fill="#6a9fb5"/>'
            f'<text x="{_LEFT + _WIDTH + 12}" y="{middle + 4}">{figure.value:.4f}</text>'
        )
        if math.isfinite(figure.low) and math.isfinite(figure.high):
            low, high = _LEFT + figure.low * scale, _LEFT + figure.high * scale
            parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#223" stroke-width="2"/>')
    name = escape(known[0].metric)
    width, height = _LEFT + _WIDTH + 80, len(known) * _BAR
    return (
        f'<svg role="img" aria-label="{name} by model" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-size="13">{"".join(parts)}</svg>'
    )
