"""The step that decides about a release; it needs figures only, no model."""

import json
import tempfile
from pathlib import Path

import numpy as np

from hidden_gems.core.addresses import is_local
from hidden_gems.evaluation.gates import GateConfig, Judged, gate
from hidden_gems.evaluation.report import NOTHING_LEARNED
from hidden_gems.export import depot
from hidden_gems.export import release as releases

FIGURES, VALUES = "evaluation.json", "values.npz"
RELEASED, FLOOR = "lambdamart", "popular"
JUDGED_BY = ("full catalogue, new places", "full catalogue, with repeats")
"""Protocol of the gate: the first that could be computed."""


def gate_release(evaluation: Path, releases_address: str, out: Path, seed: int) -> str:
    """Decide about a release and write why.

    Args:
        evaluation: Folder that `evaluate_models` wrote.
        releases_address: Of the releases of this dataset, any fsspec address.
        out: The decision, JSON.
        seed: Of the bootstrap.

    Returns:
        `promote` or `hold`.
    """
    figures = json.loads((evaluation / FIGURES).read_text())
    fingerprint = figures["fingerprint"]
    protocol = next((name for name in JUDGED_BY if _judged(evaluation, RELEASED, name, fingerprint)), None)
    if NOTHING_LEARNED in figures["notes"]:
        decision = {"promote": False, "reasons": [NOTHING_LEARNED.removesuffix(".")]}
    elif protocol is None:
        decision = {"promote": False, "reasons": ["nobody in the test could be judged, so nothing is promoted"]}
    else:
        candidate, floor = (_judged(evaluation, name, protocol, fingerprint) for name in (RELEASED, FLOOR))
        assert candidate is not None
        assert floor is not None
        champion = _champion(releases_address, protocol)
        decision = gate(candidate, floor, champion, GateConfig(seed=seed)).as_dict() | {"protocol": protocol}
    out.write_text(json.dumps(decision, indent=2) + "\n")
    return "promote" if decision["promote"] else "hold"


def _champion(address: str, protocol: str) -> Judged | None:
    """The stable release of this dataset as its own evaluation saw it; None where there is none yet."""
    version = depot.named(address)
    if version is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        stable = Path(address) / version if is_local(address) else depot.pull(address, version, Path(scratch))
        if not (stable / "reports" / VALUES).exists():
            return None  # a starter: nobody judged it
        found = _judged(stable / "reports", RELEASED, protocol, releases.load(stable).dataset.fingerprint)
    return Judged(version, found.fingerprint, found.people, found.values) if found else None


def _judged(folder: Path, model: str, protocol: str, fingerprint: str) -> Judged | None:
    """Each person's values of a model; None where there are none."""
    prefix = f"{model}/{protocol}/"
    with np.load(folder / VALUES) as file:
        values = {name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)}
    people = values.pop("people", np.empty(0, dtype=np.int64))
    return Judged(model, fingerprint, people, values) if len(people) else None
