"""Click-through rate by day of every arm, as a picture."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from hidden_gems.benchmark.loop_figures import rates


def plot_days(lived: pd.DataFrame, drift_day: int | None, path: Path) -> None:
    """Write the plot.

    Args:
        lived: As `loop_figures.lift` takes it.
        drift_day: Day on which tastes change, marked by a line; None where they do not.
        path: Ends with .png or .svg.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    table = rates(lived, ["arm", "day"])
    for number, arm in enumerate(lived["arm"].unique()):
        line = table[table["arm"] == arm]
        axis.plot(line["day"], 100 * line["ctr"], marker=".", label=arm, color=mpl.colormaps["tab10"](number))
    if drift_day is not None:
        axis.axvline(drift_day - 0.5, color="grey", linestyle=":", linewidth=1)
        axis.annotate("half of the people change their taste", (drift_day - 0.4, axis.get_ylim()[0]), color="grey")
    axis.set(xlabel="day after the release", ylabel="clicks per impression, %", ylim=(0, None))
    axis.set_title(f"Simulated city, {lived['seed'].nunique()} seeds")
    axis.legend(frameon=False)
    figure.savefig(path)
