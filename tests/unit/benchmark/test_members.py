import os
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.benchmark.apart import Call, run_apart
from hidden_gems.benchmark.members import Failed, Member, fit_member, fit_members
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.popular import Popular
from tests.calls import note, refuse, told
from tests.logs import facts_of, log_of, town


def test_a_call_waits_for_those_before_it_and_at_most_so_many_run(tmp_path: Path) -> None:
    calls = [Call(note, (tmp_path, "second"), after=(1,)), Call(note, (tmp_path, "first", 0.2))]
    ended = list(run_apart(calls, jobs=2))
    assert [(each.place, each.failure) for each in ended] == [(1, ""), (0, "")]
    assert float((tmp_path / "second.began").read_text()) > float((tmp_path / "first").read_text())
    assert ended[0].seconds >= 0.2
    assert 5 < ended[0].peak_mb < 4_000
    one_by_one = [Call(note, (tmp_path, "a", 0.2)), Call(note, (tmp_path, "b"))]
    assert [each.place for each in run_apart(one_by_one, jobs=1)] == [0, 1]
    assert float((tmp_path / "b.began").read_text()) > float((tmp_path / "a").read_text())


def test_failures_say_why_and_do_not_stop_the_others(tmp_path: Path) -> None:
    calls = [Call(refuse, (sort,)) for sort in ("ours", "theirs", "killed", "left")] + [Call(note, (tmp_path, "x"))]
    failures = {each.place: each.failure for each in run_apart(calls, jobs=3)}
    assert failures == {
        0: "there is no such thing",
        1: "ValueError: of its own",
        2: "its process was ended by signal 9; out of memory?",
        3: "exit code 3",
        4: "",
    }
    assert (tmp_path / "x").exists()


def test_a_call_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    [ended] = run_apart([Call(note, (tmp_path, "slow", 60.0))], limit_seconds=2.0)
    assert ended.failure == "it took longer than 2 s"
    assert 2.0 <= ended.seconds < 50.0
    assert not (tmp_path / "slow").exists()


def test_only_chosen_calls_are_made(tmp_path: Path) -> None:
    calls = [Call(note, (tmp_path, "a")), Call(note, (tmp_path, "b"), after=(0,))]
    assert [each.place for each in run_apart(calls, chosen=[1])] == [1]
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("home", ["/here", "/there"])  # what is told now, not what was told to the first
def test_a_process_has_one_thread_and_ours_keeps_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("GEMS_HOME", home)
    list(run_apart([Call(told, (tmp_path,))]))
    assert (tmp_path / "told").read_text() == f"1 {home}"
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_member_is_the_fitted_model_and_its_scores_before_the_last_fit() -> None:
    log = town(1_200, 60, 80)
    early, held_out = hold_out(log)
    member = fit_member("item_knn", ItemFacts.none(log.items), log)
    assert held_out is not None
    assert member.held_out is not None
    assert np.array_equal(member.held_out.user, held_out.user)
    when = Moments.at(np.full(3, log.timestamp[-1] + 1))
    whole, part = ItemKNN().fit(log), ItemKNN().choose(early, held_out)
    assert np.array_equal(member.model.score_catalogue(np.arange(3), when), whole.score_catalogue(np.arange(3), when))
    expected = part.score_catalogue(held_out.user, held_out.moments)
    assert np.array_equal(member.held_out_scores, expected)
    assert member.value == held_out.value(expected)
    assert member.curves == ()


def test_without_anything_to_hold_out_a_member_has_no_value() -> None:
    log = log_of([(1, 1), (1, 2)], users=2, items=3)
    member = fit_member("popular", ItemFacts.none(3), log)
    assert member.held_out is None
    assert member.held_out_scores is None
    assert np.isnan(member.value)
    assert isinstance(member.model, Popular)
    assert member.model.counts.tolist() == [0.0, 1.0, 1.0]


def test_members_of_many_processes_are_those_of_one() -> None:
    log, told = town(1_200, 60, 80), []
    facts = facts_of(np.zeros((log.items, 2), dtype=np.float32))
    names = ["ncf", "nothing", "item_knn"]
    found = fit_members(names, facts, log, jobs=2, told=lambda name, share: told.append((name, share)))
    deep, failed, simple = found
    assert isinstance(failed, Failed)
    assert (failed.name, failed.reason) == ("nothing", "KeyError: 'nothing'")
    when = Moments.at(np.full(log.users, log.timestamp[-1] + 1))
    for each in (deep, simple):
        assert isinstance(each, Member)
        assert each.held_out is not None
        alone = fit_member(each.name, facts, log)
        assert np.array_equal(each.held_out_scores, alone.held_out_scores)
        ours, theirs = (m.model.score_catalogue(np.arange(log.users), when) for m in (each, alone))
        assert np.array_equal(ours, theirs)
        assert each.curves == alone.curves
        assert each.value == alone.value
        assert each.seconds > 0
    assert isinstance(deep, Member)
    assert len(deep.curves) == 2
    assert deep.curves[0].best_epoch == len(deep.curves[1].losses)
    assert {name for name, _ in told} == set(names)
    assert sorted(share for _, share in told) == pytest.approx([1 / 3, 2 / 3, 1.0])
