"""The step that packs a release."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gems.benchmark.certainty import Pairs
from hidden_gems.benchmark.opened import opened
from hidden_gems.benchmark.own_policy import own_estimate
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.addresses import is_local
from hidden_gems.core.checkout import git_sha
from hidden_gems.core.clock import WallClock
from hidden_gems.core.erasures import moments
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.evaluation.page import own_policy_in_words, with_own_policy
from hidden_gems.evaluation.report import without_nan
from hidden_gems.export import depot
from hidden_gems.export import release as releases
from hidden_gems.export.onnx import export_deep, served_order
from hidden_gems.export.parity import check_deep, check_trees
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.export.triton import write_model_repository
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.models.together import liked_together
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.steps.blending import BLEND_FILE
from hidden_gems.steps.following import following
from hidden_gems.steps.gating import FIGURES
from hidden_gems.steps.learning import SAMPLE, open_shelf, trained
from hidden_gems.training.saved import load_deep

OWN_POLICY = "policy_estimate.json"
PRIOR_STRENGTH = 10.0
"""Impressions that the prior of an arm is worth."""


@dataclass(frozen=True)
class Parts:
    """Folders and files that earlier steps wrote."""

    checked: Path
    models: Path  # what `fit_blend` gathered
    ranker: Path
    evaluation: Path
    page: Path
    decision: Path


def build_release(parts: Parts, address: str, redis: str, seed: int, folder: Path | None = None) -> Path:
    """Export, prove parity, publish, and map pseudonyms to embedding rows.

    Args:
        parts: What goes in.
        address: Of the releases of this dataset, any fsspec address.
        redis: `host:port` of the store that holds the map, outside the release; see `RedisAccess.told`.
        seed: Of the run.
        folder: Of this machine, where the release is made before it is sent to an address that is none.

    Returns:
        Folder of the release on this machine.

    Raises:
        BadInputError: If a release for an address has no folder to be made in.
        ParityError: If an exported model answers otherwise than the model it was made from.
    """
    made_in = Path(address) if is_local(address) else folder
    if made_in is None:
        raise BadInputError(f"a release for {address} is made in a folder of this machine first: name one")
    shelf = open_shelf(parts.checked, seed)
    deep = served_order({name: load_deep(parts.models / name / "test") for name in trained(parts.models)})
    ranker = LambdaMART.load(parts.ranker)
    evaluation = json.loads((parts.evaluation / FIGURES).read_text())
    decision = json.loads(parts.decision.read_text())
    own: dict[str, Any] = {}

    def fill(draft: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            graphs = export_deep(deep, Path(scratch))
            check_deep(deep, graphs)
            write_model_repository(graphs, draft / "model_repository")
        _pack_ranker(ranker, parts.ranker / SAMPLE, draft / "ranker")
        release_tables(shelf, deep).save(draft / "tables")
        write_policy(shelf, draft / "policy")
        shutil.copy(parts.models / BLEND_FILE, draft / "policy")
        release = opened(draft, "", tuple(deep), shelf.dataset)
        Pairs.of(release, fits=True).fitted().save(draft / "policy")
        short, whole = own_estimate(release, seed)
        own.update(short)
        reports = draft / "reports"
        shutil.copytree(parts.evaluation, reports)
        page = with_own_policy(parts.page.read_text(encoding="utf-8"), own)
        (reports / "report.html").write_text(page, encoding="utf-8")
        (reports / OWN_POLICY).write_text(json.dumps(without_nan(whole.as_dict() if whole else own), indent=2) + "\n")
        (reports / "gate.json").write_text(json.dumps(decision, indent=2) + "\n")
        card = model_card(shelf, tuple(deep), evaluation, decision, own)
        (reports / "model_card.md").write_text(card, encoding="utf-8")

    def describe(version: str, created: str) -> releases.Release:
        return releases.Release(
            version=version,
            created=created,
            git_sha=git_sha(),
            dataset=shelf.dataset.about,
            seed=seed,
            feature_service=FEATURE_SERVICE,
            models=tuple(deep),
            metrics={"figures": evaluation["figures"]},
            decision=decision,
            policy_estimate=own,
        )

    taken = [] if is_local(address) else depot.versions(address)
    release = releases.publish(made_in, fill, describe, WallClock().now(), taken)
    if not is_local(address):
        depot.push(release, address)
    keys = RedisKeyValue(RedisAccess.told(redis))
    erased = moments(keys, shelf.users.ids)  # the models may still know them; nobody finds their rows
    rows = {
        embedding_row(release.name, name): str(row).encode()
        for row, name in enumerate(shelf.users.ids)
        if row and name not in erased
    }
    keys.put(rows)
    return release


def model_card(
    shelf: Shelf,
    deep: Sequence[str],
    evaluation: Mapping[str, Any],
    decision: Mapping[str, Any],
    own: Mapping[str, Any],
) -> str:
    """What the models are, on what they were fitted, how good they are, and what they are not for."""
    about = shelf.dataset.about
    data = f"{about.name}{' (simulated data)' if about.simulated else ''}, fingerprint `{about.fingerprint[:12]}`"
    lines = [
        "# Model card",
        "",
        f"**Data.** {data}. Models saw what came before {shelf.split.test_from} (epoch seconds, or an order).",
        "",
        "**Models.** Candidates (popular, neighbours, nearby, own, new); deep models in one graph "
        f"({', '.join(deep)}); LambdaMART on 60 features.",
        "",
        f"**Decision.** {'Promote' if decision['promote'] else 'Hold'}: {'; '.join(decision['reasons'])}.",
        "",
        f"**Its policy.** {own_policy_in_words(own)}",
        "",
        "| protocol | model | NDCG@10 | 95 % interval | people |",
        "|---|---|---|---|---|",
    ]
    for figure in evaluation["figures"]:
        if figure["metric"] == "ndcg@10" and figure["value"] is not None:
            interval = "" if figure["low"] is None else f"{figure['low']:.4f} to {figure['high']:.4f}"
            cells = (figure["protocol"], figure["model"], f"{figure['value']:.4f}", interval, f"{figure['users']:,}")
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "**Not for.** Decisions about people; cities other than the one the data come from. "
        "A release trained on simulated data is refused outside `local`.",
    ]
    return "\n".join(lines) + "\n"


def _pack_ranker(ranker: LambdaMART, sample: Path, folder: Path) -> None:
    ranker.save(folder)
    export_lambdamart(ranker, folder / "lambdamart.onnx")
    (folder / "features.json").write_text(json.dumps(list(FEATURE_NAMES), indent=0) + "\n")
    with np.load(sample) as rows:
        check_trees(ranker, folder / "lambdamart.onnx", rows["vectors"], rows["query_sizes"])


def release_tables(shelf: Shelf, deep: Mapping[str, Any]) -> ReleaseTables:
    """Item side of a release: what came before the test.

    Args:
        shelf: Data and neighbours.
        deep: Fitted deep models, by name; some say which gems follow which.
    """
    before = shelf.split.test_from
    neighbours = shelf.neighbours(before)
    items = shelf.dataset.items
    return ReleaseTables(
        columns={str(name): items[name].tolist() for name in items.columns},
        neighbours=neighbours.rows,
        weights=neighbours.weights,
        prior=neighbours.prior,
        generator=shelf.generator(before).without_people(),
        together=liked_together(shelf.log(before), neighbours.rows),
        following=following(deep, before),
    )


def write_policy(shelf: Shelf, folder: Path) -> None:
    """Priors of the arms: what each item earned per impression, shrunk to the mean; used while the store is empty."""
    log = shelf.log(shelf.split.test_from)
    past = shelf.dataset.before(shelf.split.test_from)
    shown = past.impressions if len(past.impressions) else past.interactions
    exposure = np.bincount(shelf.items.rows(shown["item_id"].tolist()), minlength=log.items).astype(np.float64)
    earned = np.minimum(np.bincount(log.item, weights=log.reward, minlength=log.items), exposure)
    mean = earned.sum() / max(exposure.sum(), 1.0)
    rate = (earned + PRIOR_STRENGTH * mean) / (exposure + PRIOR_STRENGTH)
    folder.mkdir(parents=True)
    np.savez(
        folder / "arms.npz",
        successes=PRIOR_STRENGTH * rate,
        failures=PRIOR_STRENGTH * (1.0 - rate),
        item_ids=np.array(shelf.items.ids, dtype=np.str_),
    )
