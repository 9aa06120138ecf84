"""The decision about a release, from the files that an evaluation leaves."""

import json
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.datasets.dataset import About
from hidden_gems.evaluation.report import NOTHING_LEARNED
from hidden_gems.export import release as releases
from hidden_gems.steps.gating import FIGURES, JUDGED_BY, VALUES, gate_release

NEW, REPEATS = JUDGED_BY
PEOPLE = 200


def level(mean: float, people: int = PEOPLE) -> dict[str, np.ndarray]:
    values = mean + np.random.default_rng(0).normal(0, 0.02, people)
    return {"people": np.arange(people), "ndcg@10": values}


def judge(folder: Path, fingerprint: str = "f", notes: tuple[str, ...] = (), **models: dict[str, object]) -> Path:
    """An evaluation's files; values by `model`, then protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps({"fingerprint": fingerprint, "notes": notes}))
    arrays = {
        f"{model}/{protocol}/{name}": array
        for model, protocols in models.items()
        for protocol, values in protocols.items()
        for name, array in values.items()  # type: ignore[attr-defined]
    }
    np.savez(folder / VALUES, **arrays)
    return folder


def decide(evaluation: Path, releases_folder: Path) -> tuple[str, dict[str, object]]:
    out = evaluation / "decision.json"
    verdict = gate_release(evaluation, str(releases_folder), out, seed=0)
    decision = json.loads(out.read_text())
    assert decision["promote"] is (verdict == "promote")
    return verdict, decision


def live(folder: Path, fingerprint: str, mean: float) -> str:
    """A stable release that was judged with this mean."""

    def fill(draft: Path) -> None:
        judge(draft / "reports", fingerprint, lambdamart={NEW: level(mean)}, popular={NEW: level(0.1)})

    def describe(version: str, created: str) -> releases.Release:
        about = About("city", "Europe/Istanbul", fingerprint)
        return releases.Release(version, created, "", about, 0, "ranker_v1", ("ncf",), {}, {})

    made = releases.publish(folder, fill, describe, 1_777_905_000.0)
    releases.point(folder, "stable", made.name)
    return made.name


def test_a_first_release_above_the_floor_is_promoted(tmp_path: Path) -> None:
    evaluation = judge(tmp_path / "e", lambdamart={NEW: level(0.3)}, popular={NEW: level(0.2)})
    verdict, decision = decide(evaluation, tmp_path / "releases")
    assert verdict == "promote"
    assert decision["protocol"] == "full catalogue, new places"
    assert len(decision["reasons"]) == 3
    assert "there is no champion yet" in decision["reasons"]


def test_below_the_floor_it_is_held(tmp_path: Path) -> None:
    evaluation = judge(tmp_path / "e", lambdamart={NEW: level(0.1)}, popular={NEW: level(0.2)})
    assert decide(evaluation, tmp_path / "releases")[0] == "hold"


def test_new_places_decide_where_they_could_be_judged_and_repeats_where_not(tmp_path: Path) -> None:
    good, bad = level(0.3), level(0.1)
    both = judge(tmp_path / "a", lambdamart={NEW: bad, REPEATS: good}, popular={NEW: level(0.2), REPEATS: level(0.2)})
    assert decide(both, tmp_path / "releases")[0] == "hold"
    nobody = level(0.0, people=0)
    late = judge(tmp_path / "b", lambdamart={NEW: nobody, REPEATS: good}, popular={NEW: nobody, REPEATS: level(0.2)})
    verdict, decision = decide(late, tmp_path / "releases")
    assert (verdict, decision["protocol"]) == ("promote", "full catalogue, with repeats")


def test_nobody_to_judge_promotes_nothing(tmp_path: Path) -> None:
    verdict, decision = decide(judge(tmp_path / "e", lambdamart={NEW: level(0.3, people=0)}), tmp_path / "releases")
    assert verdict == "hold"
    assert decision["reasons"] == ["nobody in the test could be judged, so nothing is promoted"]


def test_a_ranker_that_learned_nothing_is_held(tmp_path: Path) -> None:
    evaluation = judge(
        tmp_path / "e", notes=(NOTHING_LEARNED,), lambdamart={NEW: level(0.3)}, popular={NEW: level(0.2)}
    )
    verdict, decision = decide(evaluation, tmp_path / "releases")
    assert verdict == "hold"
    assert decision["reasons"] == [NOTHING_LEARNED.rstrip(".")]


@pytest.mark.parametrize(
    ("fingerprint", "mean", "verdict"), [("f", 0.4, "hold"), ("f", 0.25, "promote"), ("another", 0.4, "promote")]
)
def test_a_better_champion_of_the_same_dataset_stays(
    tmp_path: Path, fingerprint: str, mean: float, verdict: str
) -> None:
    version = live(tmp_path / "releases", fingerprint, mean)
    evaluation = judge(tmp_path / "e", lambdamart={NEW: level(0.3)}, popular={NEW: level(0.2)})
    found, decision = decide(evaluation, tmp_path / "releases")
    assert found == verdict
    assert f"the champion {version}" in decision["reasons"][2]
    assert ("another dataset" in decision["reasons"][2]) is (fingerprint == "another")
