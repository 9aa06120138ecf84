"""From a simulated city to two releases, and what a request gets from them: the chain as it is, nothing replaced."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hidden_gems.benchmark.opened import open_release
from hidden_gems.benchmark.own_policy import LEAST_EFFECTIVE, SLATES, estimated, in_short, logged_slates, target_of
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.datasets.moments import Moments
from hidden_gems.evaluation.report import Evaluation
from hidden_gems.explain.templates import LANGUAGES
from hidden_gems.export import release as releases
from hidden_gems.export.parity import Size, draw_request
from hidden_gems.export.references import REFERENCES
from hidden_gems.export.sessions import DeepSession, RankerSession
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.raw import OWN
from hidden_gems.features.request import RequestContext
from hidden_gems.features.rows import UserRow
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.blend import Blend
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.models.pairs import Pairs
from hidden_gems.recommend.answering import Ranked
from hidden_gems.recommend.ranking import SCORE_FEATURES, ranking_features
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.steps import learning, packing
from hidden_gems.training.saved import load_deep
from tests.integration.chain import DEEP_NAMES, SEED, Chain
from tests.integration.teller import STRANGER, Gem, Teller

GALATA = (41.0256, 28.9741)
AGAIN = Filters(exclude_seen=False)


@pytest.fixture(autouse=True)
def _definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_FEATURE_REPO", "feature_repo")


@pytest.fixture(scope="module")
def teller(chain: Chain) -> Teller:
    return Teller(chain.releases[0], chain.redis, chain.root / "feast")


def asked(chain: Chain, weather: str | None = None, here: tuple[float, float] | None = None) -> RequestContext:
    lat, lon = here or (None, None)
    return RequestContext(chain.dataset.now, "Europe/Istanbul", lat, lon, weather, 8.5 if weather else None)


def active(chain: Chain) -> list[str]:
    """People, most interactions first."""
    return [str(user) for user in chain.dataset.interactions["user_id"].value_counts(sort=True).index]


# --- the vector of a request is the vector of training


def test_a_request_gets_the_vectors_and_scores_of_training(chain: Chain, teller: Teller) -> None:
    people = [*active(chain)[:8], active(chain)[-1], STRANGER]
    later = chain.dataset.between(chain.shelf.split.test_from, None).interactions
    assert set(people) & set(later["user_id"])  # the store knows what the models have not seen
    contexts = [asked(chain), asked(chain, "rain", GALATA)]
    answers = {
        (user, place): teller.answering.answer(Request(user, context, filters=Filters(exclude_seen=place != 0)))
        for user in people
        for place, context in enumerate(contexts)
    }
    marks = pd.DataFrame(
        [mark for (user, place), found in answers.items() for mark in _marks(user, contexts[place], found)]
    )
    assert len(marks) > 1_000
    served = pd.DataFrame(np.concatenate([found.vectors for found in answers.values()]), columns=FEATURE_NAMES)
    trained = pd.DataFrame(_vectors(chain, marks), columns=FEATURE_NAMES)
    scores = [SCORE_FEATURES[name] for name in (*DEEP_NAMES, "item_knn")]
    pd.testing.assert_frame_equal(served.drop(columns=scores), trained.drop(columns=scores), check_exact=True)
    assert served[scores].notna().all(axis=None)
    np.testing.assert_allclose(served[scores], trained[scores], rtol=0, atol=1e-4)
    assert served["collaborative_score"].std() > 0.1
    assert (served[[SCORE_FEATURES[name] for name in DEEP_NAMES]].std() > 0.1).all()


@pytest.mark.parametrize("later", [3 * 3600, 2 * DAY_SECONDS, 8 * DAY_SECONDS])
def test_a_later_request_gets_the_vectors_of_training_too(chain: Chain, teller: Teller, later: int) -> None:
    context = replace(asked(chain), timestamp=chain.dataset.now + later)
    people = [*active(chain)[:4], STRANGER]
    answers = {user: teller.answering.answer(Request(user, context, filters=AGAIN)) for user in people}
    marks = pd.DataFrame([mark for user, found in answers.items() for mark in _marks(user, context, found)])
    trained = pd.DataFrame(ranking_features(raw_columns(chain.dataset, marks), {}), columns=FEATURE_NAMES)
    served = pd.DataFrame(np.concatenate([found.vectors for found in answers.values()]), columns=FEATURE_NAMES)
    models = [SCORE_FEATURES[name] for name in (*DEEP_NAMES, "item_knn")]
    pd.testing.assert_frame_equal(served.drop(columns=models), trained.drop(columns=models), check_exact=True)
    now = teller.answering.answer(Request(people[0], asked(chain), filters=AGAIN))
    windows = [FEATURE_NAMES.index(name) for name in ("activity_7d", "activity_30d")]
    assert (answers[people[0]].vectors[0, windows] <= now.vectors[0, windows]).all()
    assert served["interactions_7d"].max() > 0 or later >= 7 * DAY_SECONDS


def _marks(user: str, context: RequestContext, found: Ranked) -> list[dict[str, Any]]:
    given = {name: getattr(context, name) for name in ("timestamp", "lat", "lon", "weather", "temperature_c")}
    return [{"user_id": user, "item_id": item} | given for item in found.item_ids]


def _vectors(chain: Chain, marks: pd.DataFrame) -> np.ndarray:
    """Vectors by the training path as of now; the models learned before the test, the histories go up to now."""
    shelf, when = chain.shelf, Moments.of(marks)
    user, item = shelf.users.rows(marks["user_id"].tolist()), shelf.items.rows(marks["item_id"].tolist())
    neighbours = shelf.neighbours(shelf.split.test_from)
    history = Pairs.of(shelf.log(chain.dataset.now))
    reaches = np.zeros((len(shelf.items), len(shelf.items)))
    np.add.at(reaches, (np.arange(len(reaches))[:, None], neighbours.rows), neighbours.weights)
    collaborative = history.table(history.reward) @ reaches + neighbours.prior
    scores = {name: model.score(user, item, when) for name, model in chain.deep().items()}
    scores["item_knn"] = collaborative[user, item]
    return ranking_features(raw_columns(chain.dataset, marks), scores)


def test_an_answer_is_in_the_order_of_the_ranker(chain: Chain, teller: Teller) -> None:
    found = teller.answering.answer(Request(active(chain)[0], asked(chain)))
    ranker = LambdaMART.load(chain.parts.ranker)
    assert ranker.learned
    np.testing.assert_allclose(found.scores, ranker.score(found.vectors), rtol=0, atol=1e-5)
    assert (np.diff(found.scores) <= 0).all()
    assert len(set(found.item_ids)) == len(found.item_ids) == 200
    assert all(found.sources)
    known = set(chain.dataset.interactions.query("user_id == @active(@chain)[0] and reward > 0")["item_id"])
    assert not known & set(found.item_ids)
    assert known & set(teller.answering.answer(Request(active(chain)[0], asked(chain), filters=AGAIN)).item_ids)


# --- slates


def test_slates_of_somebody_known_and_of_nobody_known(chain: Chain, teller: Teller) -> None:
    now, warm = chain.dataset.now, active(chain)[0]
    theirs, strange = (teller.slate(user, now, "en", GALATA) for user in (warm, STRANGER))
    for slate in (theirs, strange):
        assert [gem.position for gem in slate] == list(range(10))
        assert [gem.score for gem in slate] == sorted((gem.score for gem in slate), reverse=True)
        assert len({gem.item["item_id"] for gem in slate}) == 10
    assert theirs != strange
    assert strange == teller.slate("somebody-else", now, "en", GALATA)
    assert not any("own" in gem.sources for gem in strange)
    nowhere = teller.slate(STRANGER, now, "en", None)
    assert not {"own", "nearby"} & {source for gem in nowhere for source in gem.sources}
    [first] = teller.slate(warm, now, "en", GALATA, limit=1)
    assert first == theirs[0]


def test_somebody_who_knows_every_gem_gets_nothing_new_and_no_error(chain: Chain, teller: Teller) -> None:
    now, ids = chain.dataset.now, chain.dataset.items["item_id"]
    [row] = teller.store.read_users([active(chain)[0]])
    assert row is not None
    everything = dict.fromkeys(ids, (1.0, float(now - 60), 1.0))
    assert len(OWN) == 3
    teller.store.write_users({"collector": UserRow(row.row.totals, everything, row.row.types)}, now)
    assert teller.slate("collector", now, "tr", None) == ()
    nothing = teller.answering.answer(Request("collector", asked(chain)))
    assert (nothing.item_ids, nothing.vectors.shape, list(nothing.shown)) == ((), (0, len(FEATURE_NAMES)), [])
    again = teller.answering.answer(Request("collector", asked(chain), filters=AGAIN))
    assert len(again.shown) == 10
    assert any("own" in sources for sources in again.sources)


# --- reasons


SCALES = {"4", "5", "7", "10", "100"}
"""Of 4, of 5, of 10, of 100, in the last 7 days."""


def _whole(value: float) -> set[str]:
    return set() if np.isnan(value) else {str(round(value)), str(max(1, round(value)))}


def _said(concept: str, vector: Mapping[str, float]) -> set[str]:
    """Numbers that a concept may name, from the vector alone."""
    percents = {
        "taste": "type_share", "neighborhood": "neighborhood_share", "authenticity": "authenticity",
        "crowd": "tourist_ratio", "quality": "conversion_rate",
    }  # fmt: skip
    counts = {
        "hidden": "hidden_factor", "price": "price_level", "novelty": "freshness_days", "distance": "travel_minutes",
        "own": "own_visits", "popularity": "interactions_7d",
    }  # fmt: skip
    numbers = _whole(100 * vector[percents[concept]]) if concept in percents else set()
    numbers |= _whole(vector[counts[concept]]) if concept in counts else set()
    return numbers | ({str(round(vector["item_average_rating"], 1))} if concept == "quality" else set())


@pytest.mark.parametrize("who", ["warm", "cold"])
def test_reasons_in_both_languages_name_only_what_is_known(chain: Chain, teller: Teller, who: str) -> None:
    user, now = (active(chain)[0] if who == "warm" else STRANGER), chain.dataset.now
    ranked = teller.answering.answer(Request(user, asked(chain, here=GALATA)))
    slates = {language: teller.slate(user, now, language, GALATA) for language in LANGUAGES}
    told = set()
    for place, (english, turkish) in enumerate(zip(slates["en"], slates["tr"], strict=True)):
        vector = dict(zip(FEATURE_NAMES, ranked.vectors[place].tolist(), strict=True))
        row = chain.dataset.items.set_index("item_id").loc[ranked.item_ids[place]]
        assert english.item["item_id"] == turkish.item["item_id"] == ranked.item_ids[place]
        for name in ("authenticity", "tourist_ratio", "crowd_level", "hidden_factor", "price_level"):
            assert vector[name] == pytest.approx(float(row[name]), rel=1e-6, nan_ok=True)
        for gem in (english, turkish):
            _check_reasons(gem, vector, row)
        concepts = [(reason.name, reason.importance) for reason in english.explanation.top_features]
        assert concepts == [(reason.name, reason.importance) for reason in turkish.explanation.top_features]
        assert english.explanation.text != turkish.explanation.text
        told |= {name for name, _ in concepts}
    assert len(told) >= 3


def _check_reasons(gem: Gem, vector: Mapping[str, float], row: Any) -> None:
    text, reasons = gem.explanation.text, gem.explanation.top_features
    assert row["name"].partition(" (")[0] in text
    assert row["neighborhood"] in text
    numbers = {found.replace(",", ".") for found in re.findall(r"\d+(?:[.,]\d+)?", text.replace(row["name"], ""))}
    assert numbers <= SCALES.union(*(_said(reason.name, vector) for reason in reasons)), text
    assert all(0 < reason.importance <= 1 for reason in reasons)
    assert sum(reason.importance for reason in reasons) <= 1 + 1e-9
    assert "{" not in text
    assert not re.search(r"\bnan\b", text)  # Sinan is a name


# --- what is in a release


def test_releases_are_whole_and_count_up(chain: Chain) -> None:
    first, second = (releases.load(path) for path in chain.releases)
    assert second.version == first.version.replace(".1", ".2")
    assert first.version.endswith(".1")
    for about in (first, second):
        assert about.dataset == chain.dataset.about
        assert about.dataset.simulated
        assert about.models == DEEP_NAMES
        assert {name.split("/")[0] for name in about.files} == {
            "model_repository", "ranker", "tables", "policy", "reports",
        }  # fmt: skip
        figures = json.loads((chain.folder / about.version / "reports" / "evaluation.json").read_text())
        assert about.metrics["figures"] == figures["figures"]
        assert Evaluation.from_dict(figures).fingerprint == about.dataset.fingerprint
    card = (chain.releases[0] / "reports" / "model_card.md").read_text()
    assert "(simulated data)" in card
    assert "**Decision.** Promote: " in card
    assert sorted(path.name for path in chain.folder.iterdir()) == [first.version, second.version, "stable"]


def test_a_release_has_an_estimate_of_its_own_policy_or_says_why_it_has_none(chain: Chain) -> None:
    release = chain.releases[0]
    estimate = releases.load(release).policy_estimate
    written = json.loads((release / "reports" / "policy_estimate.json").read_text())
    opened = open_release(release, chain.dataset)
    log = logged_slates(opened, SLATES, SEED)
    target = target_of(opened, log)
    report = estimated(log, target, SEED)
    assert report.rounds == log["round_id"].nunique() > 50
    if (report.estimates["DR"].effective or 0.0) < LEAST_EFFECTIVE:
        assert "the log hardly shows what the release would" in estimate["why_none"]
        assert written == estimate
        expected = "There is no estimate of what this release"
    else:
        assert estimate == pytest.approx(in_short(report, log))
        assert written["estimates"]["DR"]["value"]["value"] == estimate["value"]
        expected = f"Out of {report.places:,} logged places"
    for name in ("model_card.md", "report.html"):
        assert expected in html.unescape((release / "reports" / name).read_text())
    np.testing.assert_allclose(target.groupby(["round_id", "position"])["probability"].sum(), 1.0)


def test_no_file_of_a_release_names_a_person(chain: Chain) -> None:
    people = chain.dataset.users["user_id"].tolist()
    assert all(len(name) == 32 for name in people)
    words = [name.encode(code) for name in people for code in ("utf-8", "utf-32-le")]
    words += [bytes.fromhex(name) for name in people]
    for path in chain.releases[0].rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [word for word in words if word in content], path


def test_the_map_from_people_to_rows_is_in_redis_for_each_release(chain: Chain) -> None:
    people = chain.dataset.users["user_id"].tolist()
    keys = RedisKeyValue(chain.redis)
    for release in chain.releases:
        found = keys.get([embedding_row(release.name, name) for name in people])
        assert [int(value or 0) for value in found] == list(range(1, len(people) + 1))
    assert keys.get([embedding_row("2020-01-01.1", people[0]), embedding_row(chain.releases[0].name, STRANGER)]) == [
        None,
        None,
    ]


def test_graphs_answer_as_the_models_at_another_size(chain: Chain) -> None:
    release, models, random = chain.releases[0], chain.deep(), np.random.default_rng(1)
    feed = draw_request(models, Size(333, 33, 4), random)
    expected = [REFERENCES[name](model, feed).scores for name, model in models.items()]
    answer = DeepSession(release, DEEP_NAMES)(feed)
    np.testing.assert_allclose(answer.scores, np.stack(expected), rtol=0, atol=1e-4)
    assert answer.attention.sum() == pytest.approx(1.0, abs=1e-5)
    sample = np.load(chain.parts.ranker / learning.SAMPLE)["vectors"][:1_234]
    vectors = np.where(random.random(sample.shape) < 0.1, np.float32(np.nan), sample)
    trees = LambdaMART.load(release / "ranker").score(vectors)
    np.testing.assert_allclose(RankerSession(release)(vectors), trees, rtol=0, atol=1e-5)
    assert np.std(trees) > 0


def test_priors_of_arms_are_rates_worth_ten_impressions(chain: Chain) -> None:
    with np.load(chain.releases[0] / "policy" / "arms.npz") as arms:
        assert arms["item_ids"].tolist() == ["", *chain.dataset.items["item_id"]]
        weight = arms["successes"] + arms["failures"]
        assert (arms["successes"] > 0).all()
        assert (arms["failures"] > 0).all()
    np.testing.assert_allclose(weight, packing.PRIOR_STRENGTH)


# --- the gate and the registry


def test_the_gate_says_why(chain: Chain) -> None:
    first, second = (releases.load(path).decision for path in chain.releases)
    assert first["promote"] is True
    assert re.fullmatch(r"all \d+ metrics of lambdamart are finite", first["reasons"][0])
    assert first["reasons"][1].endswith("is asked: reached")
    assert first["reasons"][2] == "there is no champion yet"
    assert second["promote"] is False
    champion = chain.releases[0].name
    assert re.fullmatch(
        rf"ndcg@10 against the champion {re.escape(champion)}: "
        r"-50\.0% \(95 % interval -50\.0% to -50\.0%, \d+ people\); the lower end must lie above -2\.0%: it does not",
        second["reasons"][2],
    )
    for release, decision in zip(chain.releases, (first, second), strict=True):
        assert json.loads((release / "reports" / "gate.json").read_text()) == decision
        assert decision["protocol"] == "full catalogue, new places"


def test_an_equal_of_the_champion_may_be_promoted(chain: Chain) -> None:
    decision = json.loads(chain.decide(chain.root / "good", "again.json").read_text())
    assert decision["promote"] is True
    assert "+0.0% (95 % interval +0.0% to +0.0%" in decision["reasons"][2]


def test_the_registry_has_both_and_the_better_one_is_the_candidate(chain: Chain) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client, name = MlflowClient(chain.mlflow), "hidden-gems-Ayşe's city- small"
    first, second = chain.registered
    assert [(first.version, first.alias), (second.version, second.alias)] == [("1", "candidate"), ("2", "")]
    assert str(client.get_model_version_by_alias(name, "candidate").version) == "1"
    with pytest.raises(MlflowException, match="stable"):
        client.get_model_version_by_alias(name, "stable")
    for registered, release in zip(chain.registered, chain.releases, strict=True):
        assert client.get_model_version(name, registered.version).source == str(release)
        run = client.get_run(registered.run_id)
        about = releases.load(release)
        assert run.info.status == "FINISHED"
        assert run.data.params["fingerprint"] == about.dataset.fingerprint
        assert run.data.params["simulated"] == "True"
        figure = Evaluation.from_dict(json.loads((release / "reports" / "evaluation.json").read_text()))
        known = figure.figure("lambdamart", "full catalogue, with repeats", "ndcg@10").value
        assert run.data.metrics["full catalogue with repeats/lambdamart/ndcg at 10"] == pytest.approx(known)
    assert releases.pointed(chain.folder) == chain.releases[0]
    assert Path(client.get_run(first.run_id).info.artifact_uri.removeprefix("file://")).is_relative_to(chain.root)


# --- the steps themselves


def test_a_model_before_the_ranker_differs_from_the_one_before_the_test(chain: Chain) -> None:
    before, after = (load_deep(chain.parts.models / "ncf" / cut) for cut in ("rank", "test"))
    user, item = np.arange(1, 9), np.arange(1, 9)
    when = Moments.at(np.full(8, chain.dataset.now))
    assert not np.allclose(before.score(user, item, when), after.score(user, item, when))


def test_a_preset_that_does_not_exist_is_refused(chain: Chain, tmp_path: Path) -> None:
    from hidden_gems.core.errors import BadInputError

    with pytest.raises(BadInputError, match="preset must be one of plan, auto, got 'huge'"):
        learning.train_model(chain.parts.checked, tmp_path / "ncf", "ncf", "huge", SEED)


def test_weights_of_the_blend_are_part_of_the_release(chain: Chain) -> None:
    blend = Blend.from_dict(json.loads((chain.releases[0] / "policy" / "blend.json").read_text()))
    assert set(blend.members) <= {*DEEP_NAMES, "item_knn", "popular"}
    assert blend.new.ndcg > 0
