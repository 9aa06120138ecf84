"""What an evaluation found as one HTML page that needs nothing else."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from hidden_gems.core.crowds import may_be_shown
from hidden_gems.evaluation import plots
from hidden_gems.evaluation.report import Comparison, Evaluation, Figure, cell

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #223; }
h2 { margin-top: 2.5rem; border-top: 1px solid #dde; padding-top: 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #dde; padding: .3rem .6rem; text-align: left; white-space: nowrap; }
td small { color: #667; }
svg { max-width: 100%; height: auto; }
summary { cursor: pointer; }
.simulated { background: #fff3cd; padding: .5rem 1rem; }
.failed { background: #fde2e2; padding: .5rem 1rem; }
"""
_MAIN = ("ndcg", "recall", "hit_rate", "mrr", "auc", "next_item", "coverage", "gini", "novelty", "popularity_lift")
Lines = list[tuple[str, ...]]


def page(evaluation: Evaluation) -> str:
    """One HTML page with plots, tables and the protocols in words; it loads nothing from outside."""
    e = evaluation
    simulated = '<p class="simulated">These are simulated data.</p>' if e.simulated else ""
    failed = "".join(f'<p class="failed">{escape(n)} failed: {escape(why)}</p>' for n, why in e.failed.items())
    counts = ", ".join(f"{value:,} {escape(name.replace('_', ' '))}" for name, value in e.counts.items())
    notes = "".join(f"<li>{escape(note)}</li>" for note in e.notes)
    cuts = ", ".join(f"{w['test_from']} to {w['until']}" for w in e.windows)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation of {escape(e.dataset)}</title>
<style>{_STYLE}</style></head>
<body><h1>Evaluation of {escape(e.dataset)}</h1>
{simulated}{failed}
<p>Dataset fingerprint <code>{escape(e.fingerprint)}</code>, seed {e.seed}: {counts}.</p>
<p>{len(e.windows)} cut-off{"" if len(e.windows) == 1 else "s"}; each test in epoch seconds, or an order: {cuts}.
Values of all cut-offs are pooled. Intervals: 95 %, percentile bootstrap over people, each with all their values. Means
are over the people (or slates) who have a value; those without a relevant item have none. Recall is over min(k,
relevant items). Ties are broken by one random order of the items, the same for every model; in AUC a tie counts
half.</p>
<ul>{notes}</ul>
{_winner(e)}
{_drawn("Quality against popularity", e, plots.popularity_plot, bool(e.figures))}
{_drawn("Against the best single model", e, plots.forest_plot, bool(e.comparisons))}
{_ratios(e)}
{_drawn("Cohorts", e, plots.cohorts_plot, bool(e.cohorts))}
{_cohorts(e)}
{_calibration(e)}
{_drawn("Learning curves", e, plots.curves_plot, any(c["validations"] for v in e.curves.values() for c in v))}
{"".join(_section(e, name, words) for name, words in e.protocols.items())}
{_cost(e)}
</body></html>
"""


def with_own_policy(html: str, estimate: Mapping[str, Any]) -> str:
    """A page of `page` with what a release's own policy would have earned; see `own_policy_in_words`."""
    body, end = html.rsplit("</body>", 1)
    return f"{body}<h2>The policy of this release</h2><p>{escape(own_policy_in_words(estimate))}</p>\n</body>{end}"


def own_policy_in_words(estimate: Mapping[str, Any]) -> str:
    """`policy_estimate` of contract §6 as a paragraph."""
    if "value" not in estimate:
        return f"There is no estimate of what this release's own policy would earn: {estimate['why_none']}."
    e = estimate

    def ends(prefix: str, of: Mapping[str, Any] = e) -> str:
        return f"{of[f'{prefix}value']:.4f} ({of[f'{prefix}low']:.4f} to {of[f'{prefix}high']:.4f})"

    return (
        f"Out of {e['places']:,} logged places ({e['slates']:,} slates of {e['people']:,} people, logged by "
        f"{', '.join(e['logged_policies'])}), of {e['reward']} a place would earn {ends('')} under {e['policy']} of "
        f"this release by {e['estimator']}, {ends('', e['snips'])} by SNIPS. It earned {ends('logged_')} in the log; "
        f"the difference is {ends('difference_')}. Intervals are 95 %, by person. The log is worth "
        f"{e['effective']:,.0f} places, its mean weight is {e['mean_weight']:.2f} (1 where it shows all that the "
        f"release would). The release never shows {e['never_wanted']:.0%} of what was shown, and "
        f"{e['never_shown']:.0%} of what it shows was never shown."
    )


def _drawn(title: str, evaluation: Evaluation, plot: Callable[[Evaluation], str], there: bool) -> str:
    drawn = plot(evaluation) if there else ""
    return f"<h2>{title}</h2>{drawn}" if drawn else ""


def _winner(e: Evaluation) -> str:
    """Who was chosen before the test, and what that choice was worth on it."""
    if not e.chosen:
        return ""
    lines: Lines = [("protocol", "chosen before each test", f"ndcg@{e.k}", "best on the test itself", f"ndcg@{e.k}")]
    for protocol in (plots.NEW, plots.REPEATS):
        known = [f for f in e.figures if (f.protocol, f.metric) == (protocol, f"ndcg@{e.k}")]
        models = [f for f in known if f.model not in plots.NOT_MODELS]
        chosen = next((f for f in known if f.model == plots.CHOSEN), None)
        if chosen and models:
            best = max(models, key=lambda figure: figure.value)
            lines.append((protocol, ", ".join(e.chosen), cell(chosen), best.model, cell(best)))
    words = (
        "The winner is chosen by its value on what was held out before each cut-off (NDCG@10, new items, averaged with "
        "repeats where people come back), then judged on the test."
    )
    return f"<h2>The winner</h2><p>{words}</p>{_table(lines)}"


def _ratios(e: Evaluation) -> str:
    rows: list[Comparison] = [row for p in (plots.NEW, plots.REPEATS) for row in plots.compared_with(e, p)]
    lines: Lines = [("protocol", "model", "against", "difference", "ratio of the means")]
    for r in rows:
        difference = f"{r.difference:+.4f} ({r.difference_low:+.4f} to {r.difference_high:+.4f})"
        ratio = f"{r.ratio:.3f} ({r.ratio_low:.3f} to {r.ratio_high:.3f})"
        lines.append((r.protocol, r.model, r.against, difference, ratio))
    return _folded("Differences and ratios, paired over the same people", lines)


def _cohorts(e: Evaluation) -> str:
    """Every cohort as a table that unfolds: models down, cohorts across."""
    found = []
    for protocol, metric in dict.fromkeys((f.protocol, f.metric) for f in e.cohorts):
        figures = [f for f in e.cohorts if (f.protocol, f.metric) == (protocol, metric) and may_be_shown(f.users)]
        if figures:
            found.append(_folded(f"{protocol}: {metric}", _spread(figures)))
    return "".join(found)


def _spread(figures: list[Figure]) -> Lines:
    cohorts = list(dict.fromkeys(f.cohort for f in figures))
    cells = {(f.model, f.cohort): f for f in figures}
    users = {f.cohort: f.users for f in figures}
    models = dict.fromkeys(f.model for f in figures)
    body = [(name, *(cell(cells.get((name, cohort))) for cohort in cohorts)) for name in models]
    return [("model", *(f"{cohort}: {users[cohort]:,} people" for cohort in cohorts)), *body]


def _calibration(e: Evaluation) -> str:
    if not e.calibration:
        return ""
    words = (
        "Each item that a person came to for the first time beside its 100 uniform negatives. Scores become "
        "probabilities by one logistic curve, fitted on what was held out before the cut-off; then ten bins of equal "
        "count by probability, at each cut-off, are added up bin by bin."
    )
    lines: Lines = [("model", "pairs", "mean probability said", "share that happened")]
    lines += [(n, f"{p:,.0f}", f"{s:.4f}", f"{h:.4f}") for n, bins in e.calibration.items() for p, s, h in bins]
    errors = [("model", "expected calibration error")]
    errors += [(f.model, cell(f)) for f in e.figures if f.metric == "calibration_error"]
    plot = plots.reliability_plot(e)
    return f"<h2>Calibration</h2><p>{words}</p>{plot}{_table(list(errors))}{_folded('Reliability', lines)}"


def _section(evaluation: Evaluation, protocol: str, words: str) -> str:
    figures = [f for f in evaluation.figures if f.protocol == protocol]
    if not figures:
        return f"<h2>{escape(protocol)}</h2><p>{escape(words)} Its figures are with the cohorts.</p>"
    first = [f for f in figures if f.metric == f"ndcg@{evaluation.k}"]
    people = f"{first[0].users:,} people judged, {first[0].left_out:,} left out without a relevant item."
    metrics = list(dict.fromkeys(f.metric for f in figures if f.metric != "calibration_error"))
    main = [metric for name in _MAIN for metric in metrics if metric.split("@")[0] == name]
    cells = {(f.model, f.metric): f for f in figures}
    models = dict.fromkeys(f.model for f in figures)
    tables = []
    for chosen in (main, [metric for metric in metrics if metric not in main]):
        body = [(name, *(cell(cells.get((name, metric))) for metric in chosen)) for name in models]
        tables.append([("model", *chosen), *body])
    more = _folded("More metrics", tables[1]) if len(tables[1][0]) > 1 else ""
    return f"<h2>{escape(protocol)}</h2><p>{escape(words)} {people}</p>{_table(tables[0])}{more}"


def _cost(e: Evaluation) -> str:
    if not e.seconds:
        return ""
    lines: Lines = [("model", "seconds, all cut-offs", "peak memory, MiB", "value held out, by cut-off")]
    for name, seconds in e.seconds.items():
        held = ", ".join(f"{value:.4f}" for value in e.held_out.get(name, ()) if value is not None)
        lines.append((name, f"{seconds:,.1f}", f"{e.peak_mb[name]:,.0f}" if name in e.peak_mb else "", held))
    adds = [(str(cut), n, f"{v:+.4f}") for cut, each in enumerate(e.adds.get("blend", ()), 1) for n, v in each.items()]
    blend = _folded("What each member adds to the blend", [("cut-off", "member", "value"), *adds]) if adds else ""
    return f"<h2>Cost</h2>{_table(lines)}{blend}"


def _folded(title: str, lines: Lines) -> str:
    return f"<details><summary>{escape(title)}</summary>{_table(lines)}</details>"


def _table(lines: Lines) -> str:
    head, *body = lines
    rows = "".join("<tr>" + "".join(f"<td>{_dim(each)}</td>" for each in line) + "</tr>" for line in body)
    return "<table><tr>" + "".join(f"<th>{escape(each)}</th>" for each in head) + f"</tr>{rows}</table>"


def _dim(text: str) -> str:
    """An interval is smaller than its value."""
    value, bracket, interval = escape(text).partition(" (")
    return f"{value} <small>({interval}</small>" if bracket and interval.endswith(")") else escape(text)
