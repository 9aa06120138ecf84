"""The transformer with the real store, broker, deep and ranker: what it answers, logs, obeys, and survives."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from kserve import InferenceGRPCClient, InferInput, InferRequest

from hidden_gems.cli.status import read_metrics
from hidden_gems.client import Item, check_text, facts_of
from hidden_gems.core import names
from hidden_gems.core.assignment import Assignment
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.moments import Moments
from hidden_gems.events.records import ItemChange
from hidden_gems.events.tokens import Tokens
from hidden_gems.export.release import point
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.feast_store import FeastSettings, FeastStore
from hidden_gems.features.raw import USER
from hidden_gems.features.rows import UserRow
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.models.pairs import Pairs
from hidden_gems.online.state import prior_state, publish
from hidden_gems.recommend.deep import DEEP_FEATURES
from hidden_gems.recommend.ranking import ranking_features
from tests.endpoints import stand_in
from tests.integration.chain import DEEP_NAMES, Chain
from tests.integration.stack import Stack, stacked, until

GALATA = {"lat": 41.0256, "lon": 28.9741}
EXPLANATION = {
    "text", "language", "confidence", "top_features", "similar_items", "context_alignment", "counterfactuals",
    "attention", "diversity", "facts",
}  # fmt: skip
BRIEF = {"text", "language", "confidence", "facts"}


@pytest.fixture(scope="module")
def stack(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stacked(chain, tmp_path_factory.mktemp("stack"), clock=f"{chain.dataset.now},1") as made:
        yield made


@pytest.fixture(scope="module")
def person(chain: Chain, stack: Stack) -> str:
    """Somebody of the city as a caller knows them: their row lies under the pseudonym of this id."""
    most = str(chain.dataset.interactions["user_id"].value_counts(sort=True).index[0])
    return adopted(chain, stack, "caller", most)


def adopted(chain: Chain, stack: Stack, name: str, pseudonym: str) -> str:
    """Give an id of a caller the row, the embedding and the history of somebody in the city."""
    store = FeastStore(FeastSettings(stack.redis, chain.root / "feast", 2.0))
    [found] = store.read_users([pseudonym])
    assert found
    ours = Pseudonyms(b"test").of(name)
    store.write_users({ours: found.row}, found.timestamp)
    release = chain.releases[0].name
    [row] = stack.keys.get([names.embedding_row(release, pseudonym)])
    stack.keys.put({names.embedding_row(release, ours): row or b"0"})
    return name


def at(chain: Chain, **more: Any) -> dict[str, Any]:
    return {"timestamp": chain.dataset.now, "location": GALATA, "weather": "rain", "temperature_c": 8.5, **more}


# --- what is answered


def test_an_answer_is_what_the_contract_says(chain: Chain, stack: Stack, person: str) -> None:
    found = stack.ask(person, context=at(chain), limit=10)
    assert (found["user_id"], found["policy"], found["degraded"], found["short"]) == (
        person, "ranker+thompson", [], False,
    )  # fmt: skip
    assert found["release"] == chain.releases[0].name
    items = found["items"]
    assert [each["position"] for each in items] == list(range(10))
    assert len({each["item_id"] for each in items}) == 10
    tokens, ours = Tokens([b"token-key"]), Pseudonyms(b"test").of(person)
    table = chain.dataset.items.set_index("item_id")
    for each in items:
        assert 0 < each["propensity"] <= 1
        assert each["source"]
        assert each["name"] == table.loc[each["item_id"], "name"]
        assert "explanation" not in each
        claim = tokens.verify(
            each["impression_token"], user_id=ours, item_id=each["item_id"], event_type="click",
            now=chain.dataset.now + 60.0, slate_id=found["slate_id"],
        )  # fmt: skip
        assert (claim.position, claim.propensity) == (each["position"], each["propensity"])
    known = set(chain.dataset.interactions.query("user_id == @_of(@chain) and reward > 0")["item_id"])
    assert known
    assert not known & {each["item_id"] for each in items}


def _of(chain: Chain) -> str:
    return str(chain.dataset.interactions["user_id"].value_counts(sort=True).index[0])


def test_the_score_of_a_gem_is_the_same_in_every_answer_of_one_state(chain: Chain, stack: Stack, person: str) -> None:
    asked = {"context": at(chain), "limit": 50}
    first, second = ({each["item_id"]: each["score"] for each in stack.ask(person, **asked)["items"]} for _ in range(2))
    both = first.keys() & second.keys()
    assert len(both) > 25
    assert all(first[name] == second[name] for name in both)


def test_answers_differ_by_their_draw_and_by_nothing_else_in_the_slate_id(chain: Chain, stack: Stack) -> None:
    found = [stack.ask("nobody", context=at(chain)) for _ in range(5)]
    assert len({each["slate_id"] for each in found}) == 5
    assert len({tuple(item["item_id"] for item in each["items"]) for each in found}) > 1
    assert found[0]["hand_over"] == 0.0


def test_the_logged_vector_is_the_vector_of_training(chain: Chain, stack: Stack, person: str) -> None:
    context = at(chain)
    found = stack.ask(person, context=context, limit=50)
    key, slate = stack.logged(found["slate_id"])
    assert key == slate.user_id == Pseudonyms(b"test").of(person)
    assert [(p.item_id, p.position, p.propensity, p.score) for p in slate.places] == [
        (each["item_id"], each["position"], each["propensity"], each["score"]) for each in found["items"]
    ]
    assert (slate.feature_service, slate.policy, slate.release) == (FEATURE_SERVICE, found["policy"], found["release"])
    assert slate.context["lat"] == GALATA["lat"]
    assert slate.context["hand_over"] == 1.0
    marks = pd.DataFrame(
        {
            "user_id": _of(chain), "item_id": [place.item_id for place in slate.places],
            "timestamp": chain.dataset.now, "weather": "rain", "temperature_c": 8.5, **GALATA,
        }
    )  # fmt: skip
    served = pd.DataFrame([place.vector for place in slate.places], columns=FEATURE_NAMES).astype(np.float32)
    trained = pd.DataFrame(_trained(chain, marks), columns=FEATURE_NAMES)
    scores = [*(DEEP_FEATURES[name] for name in DEEP_NAMES), "collaborative_score"]
    pd.testing.assert_frame_equal(served.drop(columns=scores), trained.drop(columns=scores), check_exact=True)
    np.testing.assert_allclose(served[scores], trained[scores], rtol=0, atol=1e-4)
    assert (served[scores].std() > 0.01).all()


def _trained(chain: Chain, marks: pd.DataFrame) -> np.ndarray:
    shelf, when = chain.shelf, Moments.of(marks)
    user, item = shelf.users.rows(marks["user_id"].tolist()), shelf.items.rows(marks["item_id"].tolist())
    neighbours = shelf.neighbours(shelf.split.test_from)
    history = Pairs.of(shelf.log(chain.dataset.now))
    reaches = np.zeros((len(shelf.items), len(shelf.items)))
    np.add.at(reaches, (np.arange(len(reaches))[:, None], neighbours.rows), neighbours.weights)
    collaborative = history.table(history.reward) @ reaches + neighbours.prior
    scores = {name: model.score(user, item, when) for name, model in chain.deep().items()}
    return ranking_features(raw_columns(chain.dataset, marks), scores | {"item_knn": collaborative[user, item]})


def test_filters_are_kept_and_a_short_answer_says_so(chain: Chain, stack: Stack) -> None:
    ids = chain.dataset.items["item_id"].tolist()
    found = stack.ask("nobody", filters={"candidates": [*ids[:3], "nowhere"], "exclude": [ids[0]]})
    assert {each["item_id"] for each in found["items"]} == {ids[1], ids[2]}
    assert (found["short"], found["unknown_candidates"]) == (True, 1)
    cafes = stack.ask("nobody", filters={"types": ["cafe"]}, limit=5)
    assert {each["type"] for each in cafes["items"]} == {"cafe"}
    nothing = stack.ask("nobody", filters={"types": ["no such type"]})
    assert (nothing["items"], nothing["short"], nothing["degraded"]) == ([], True, [])


def test_similar_and_trending_are_lists_without_a_draw(chain: Chain, stack: Stack, person: str) -> None:
    gem = chain.dataset.items["item_id"].iloc[7]
    similar = stack.ask(person, kind="similar", item_id=gem, limit=5, filters={"exclude_seen": False})
    trending = stack.ask(person, kind="trending", limit=5, context=at(chain))
    for found, kind in ((similar, "similar"), (trending, "trending")):
        assert found["policy"] == kind
        assert len(found["items"]) == 5
        assert all(each["propensity"] == 1.0 and each["source"] == [kind] for each in found["items"])
        scores = [each["score"] for each in found["items"]]
        assert scores == sorted(scores, reverse=True)
    assert gem not in {each["item_id"] for each in similar["items"]}
    again = stack.ask(person, kind="trending", limit=5, context=at(chain))
    assert [each["item_id"] for each in again["items"]] == [each["item_id"] for each in trending["items"]]
    missing = stack.post({"instances": [{"user_id": "u", "kind": "similar", "item_id": "nowhere"}]})
    assert missing.status_code == 404


# --- wrong input, protocols


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"not json", None),
        (b"", None),
        ({"instances": [{}]}, "instances[0].user_id"),
        ({"instances": [{"user_id": "u", "limit": 0}]}, "instances[0].limit"),
        ({"instances": [{"user_id": "u", "limit": 51}]}, "instances[0].limit"),
        ({"instances": [{"user_id": "u", "limit": "ten"}]}, "instances[0].limit"),
        ({"instances": [{"user_id": "u", "filters": {"colour": "red"}}]}, "instances[0].filters.colour"),
        ({"instances": [{"user_id": "u"}] * 33}, "instances"),
        ({"instances": [{"user_id": "u" * 65}]}, "instances[0].user_id"),
        ({"instances": [{"user_id": "u", "context": {"timestamp": "2026-05-04T17:30:00"}}]},
         "instances[0].context.timestamp"),
        (b'{"instances": [{"user_id": "u", "context": {"temperature_c": NaN}}]}', None),
        ({"user_id": "u"}, "instances"),
        ([], "instances"),
    ],
)  # fmt: skip
def test_wrong_input_is_a_400_that_names_the_field(stack: Stack, body: Any, field: str | None) -> None:
    answer = stack.post(body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "bad_request"
    assert error.get("field") == field


def test_both_protocols_of_v2_answer_as_v1(stack: Stack, chain: Chain) -> None:
    asked = {"user_id": "nobody", "limit": 3, "filters": {"types": ["cafe"]}, "context": at(chain)}
    text = json.dumps(asked)
    body = {"inputs": [{"name": "instances", "shape": [2], "datatype": "BYTES", "data": [text, text]}]}
    url = f"{stack.transformer.url}/v2/models/hidden-gems/infer"
    rest = httpx.post(url, json=body, timeout=30)
    [output] = rest.json()["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("predictions", "BYTES", [2])
    over_grpc = asyncio.run(_grpc(stack, [text]))
    for found in (*map(json.loads, output["data"]), *over_grpc):
        assert found["user_id"] == "nobody"
        assert {each["type"] for each in found["items"]} == {"cafe"}
        assert len(found["items"]) == 3
    wrong = body["inputs"][0] | {"data": ["{}", "no json"]}
    answer = httpx.post(url, json={"inputs": [wrong]}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "instances[1]")


async def _grpc(stack: Stack, texts: list[str]) -> list[dict[str, Any]]:
    client = InferenceGRPCClient(f"127.0.0.1:{stack.transformer.grpc_port}", timeout=30)
    try:
        tensor = InferInput("instances", [len(texts)], "BYTES")
        tensor.set_data_from_numpy(np.array([text.encode() for text in texts], dtype=np.object_))
        answer = await client.infer(InferRequest("hidden-gems", [tensor]))
    finally:
        await client.close()
    [output] = answer.outputs
    assert output.name == "predictions"
    return [json.loads(text) for text in output.as_numpy().tolist()]


def test_it_listens_on_loopback_only(stack: Stack) -> None:
    assert all(each.startswith(("127.0.0.1:", "[::ffff:127.0.0.1]:")) for each in stack.transformer.addresses())


# --- explanations


@pytest.mark.parametrize("language", ["en", "tr"])
def test_a_full_explanation_has_every_field(chain: Chain, stack: Stack, person: str, language: str) -> None:
    found = stack.ask(person, context=at(chain, language=language), explain="full", limit=30)
    assert found["degraded"] == []
    for each in found["items"]:
        told = each["explanation"]
        assert set(told) == EXPLANATION
        assert told["language"] == language
        assert each["name"].partition(" (")[0] in told["text"]
        verdict = check_text(told["text"], facts_of(Item.model_validate(each)), "tr" if language == "tr" else "en")
        assert verdict.ok, (told["text"], verdict.reasons)
        assert 0 <= told["confidence"] <= 1
        assert all(0 < reason["importance"] <= 1 for reason in told["top_features"])
        assert all(0 <= fit <= 1 for fit in told["context_alignment"].values())
        assert len(told["counterfactuals"]) <= 3
    assert any(each["explanation"]["similar_items"] for each in found["items"])
    assert any(each["explanation"]["counterfactuals"] for each in found["items"])


def test_brief_explanations_ask_nobody(chain: Chain, stack: Stack) -> None:
    found = stack.ask("nobody", context=at(chain), explain="brief")
    assert all(set(each["explanation"]) == BRIEF for each in found["items"])


def test_a_slate_can_be_explained_later_for_a_day(chain: Chain, stack: Stack, person: str) -> None:
    found = stack.ask(person, context=at(chain), explain="full", limit=4)
    gem = found["items"][2]
    question = {"slate_id": found["slate_id"], "item_id": gem["item_id"]}
    told = stack.post(question, "explain").json()
    assert set(told) >= EXPLANATION
    assert gem["name"].partition(" (")[0] in told["text"]
    for same in ("confidence", "context_alignment", "similar_items", "counterfactuals", "attention", "diversity"):
        assert told[same] == gem["explanation"][same]
    assert stack.post({**question, "item_id": "nowhere"}, "explain").status_code == 404
    assert stack.post({**question, "slate_id": "nowhere"}, "explain").status_code == 404
    key = names.slate(found["slate_id"])
    [kept] = stack.keys.get([key])
    content = json.loads(kept or b"")
    stack.keys.put({key: json.dumps(content | {"issued": content["issued"] - 86_000}).encode()})
    assert stack.post(question, "explain").status_code == 200
    stack.keys.put({key: json.dumps(content | {"issued": content["issued"] - 86_401}).encode()})
    gone = stack.post(question, "explain")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "expired")


def test_a_gem_is_traced_through_a_slate_shown_or_not(chain: Chain, stack: Stack, person: str) -> None:
    kind = stack.ask(person, context=at(chain), limit=1)["items"][0]["type"]
    found = stack.ask(person, context=at(chain), limit=4, filters={"types": [kind]})
    shown = [each["item_id"] for each in found["items"]]
    question = {"slate_id": found["slate_id"], "trace": True}
    for position, each in enumerate(found["items"]):
        told = stack.post({**question, "item_id": each["item_id"]}, "explain").json()
        assert (told["stage"], told["position"], told["sources"]) == ("shown", position, each["source"])
        assert told["score"] == pytest.approx(each["score"], abs=1e-5)
        assert told["draws"][position]["probability"] == pytest.approx(each["propensity"], abs=2e-4)
        assert told["shown"] == shown
    everything = stack.ask("somebody new", context=at(chain), limit=50)["items"]
    other = next(each["item_id"] for each in everything if each["type"] != kind)
    told = stack.post({**question, "item_id": other}, "explain").json()
    assert told["stage"] == "filters"
    assert "types" in told["fails"]
    assert set(told["fails"]) <= {"types", "seen"}
    assert stack.post({**question, "item_id": "nowhere"}, "explain").status_code == 404
    wrong = stack.post({"user_id": person, "item_id": other, "trace": True}, "explain")
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "slate_id")


def test_a_gem_can_be_explained_for_a_person_who_never_saw_it(chain: Chain, stack: Stack, person: str) -> None:
    gem = str(chain.dataset.items["item_id"].iloc[-1])
    told = stack.post({"user_id": person, "item_id": gem, "context": {"language": "tr"}}, "explain").json()
    assert set(told) >= EXPLANATION
    assert (told["item_id"], told["language"]) == (gem, "tr")
    assert stack.post({"user_id": person, "item_id": "nowhere"}, "explain").status_code == 404
    assert stack.post({"item_id": gem}, "explain").status_code == 400


def test_a_model_writes_the_texts_of_full_explanations_where_there_is_one(
    chain: Chain, stack: Stack, person: str
) -> None:
    with stand_in() as endpoint:
        endpoint.says = lambda names: f"I think {names[0]} is worth a visit today."
        _with_narratives(stack, {"GEMS_NARRATIVE_URL": endpoint.url, "GEMS_NARRATIVE_WAIT_SECONDS": "10"})
        full = stack.ask(person, context=at(chain), explain="full", limit=3)["items"]
        assert [each["explanation"]["text"] for each in full] == [
            f"I think {each['name']} is worth a visit today." for each in full
        ]
        brief = stack.ask(person, context=at(chain), explain="brief", limit=3)["items"]
        assert not [each for each in brief if "I think" in each["explanation"]["text"]]
        endpoint.says = lambda names: f"{names[0]} has a Michelin star."
        lied = stack.ask("somebody-else", context=at(chain), explain="full", limit=3)["items"]
        assert not [each for each in lied if "Michelin" in each["explanation"]["text"]]
        text = httpx.get(f"{stack.transformer.url}/metrics").text
        outcomes = {labels["outcome"]: value for labels, value in read_metrics(text)["gems_narratives_total"]}
        assert outcomes == {"told": 3.0, "refused": 3.0}
    _with_narratives(stack, {})


def _with_narratives(stack: Stack, more: dict[str, str]) -> None:
    """The transformer anew, with or without an endpoint."""
    stack.stop("transformer")
    for name in ("GEMS_NARRATIVE_URL", "GEMS_NARRATIVE_WAIT_SECONDS"):
        stack.more.pop(name, None)
    stack.more.update(more)
    stack.start("transformer")


# --- what is obeyed


def test_who_has_not_agreed_is_cold_unnamed_and_gets_no_token(chain: Chain, stack: Stack) -> None:
    shy = adopted(chain, stack, "shy", _of(chain))
    warm = stack.ask(shy, context=at(chain), filters={"exclude_seen": False})
    assert warm["hand_over"] == 1.0
    stack.keys.put({names.consent(Pseudonyms(b"test").of(shy)): b"off"})
    found = stack.ask(shy, context=at(chain), filters={"exclude_seen": False})
    assert (found["hand_over"], found["user_id"]) == (0.0, shy)
    assert {each["impression_token"] for each in found["items"]} == {""}
    key, slate = stack.logged(found["slate_id"])
    assert (key, slate.user_id) == (found["slate_id"], "")
    assert not {"lat", "lon"} & set(slate.context)
    assert slate.context["weather"] == "rain"


def test_a_changed_row_and_a_dismissal_change_the_next_answer(chain: Chain, stack: Stack) -> None:
    changing = adopted(chain, stack, "changing", _of(chain))
    ours = Pseudonyms(b"test").of(changing)
    asked = {"context": at(chain), "limit": 50}
    before = stack.ask(changing, **asked)
    gem = before["items"][0]["item_id"]
    stack.keys.prepend(names.dismissed(ours), [gem.encode()], 100)
    assert gem not in {each["item_id"] for each in stack.ask(changing, **asked)["items"]}
    store = FeastStore(FeastSettings(stack.redis, chain.root / "feast", 2.0), overwrite=True)
    [found] = store.read_users([ours])
    assert found
    totals = dict(zip(USER, found.row.totals, strict=True)) | {"user_likes": 400.0, "user_conversions": 0.0}
    store.write_users({ours: UserRow(tuple(totals.values()), {}, {}, {}, ())}, found.timestamp)
    after = {each["item_id"]: each["score"] for each in stack.ask(changing, **asked)["items"]}
    both = [each for each in before["items"] if each["item_id"] in after]
    assert any(each["score"] != after[each["item_id"]] for each in both)


def test_a_gem_enters_and_closes_without_a_release(chain: Chain, stack: Stack) -> None:
    columns = {"name": "Yeni Kahve", "type": "cafe", "neighborhood": "Balat", "lat": 41.03, "lon": 28.95}
    put(stack, ItemChange("brand-new", chain.dataset.now, columns))
    asked = {"filters": {"candidates": ["brand-new"]}}
    assert until(lambda: stack.ask("nobody", **asked)["items"])
    [gem] = stack.ask("nobody", explain="full", **asked)["items"]
    assert (gem["name"], gem["type"]) == ("Yeni Kahve", "cafe")
    assert math.isfinite(gem["score"])
    served = (stack.ask(f"somebody-{n}", limit=50)["items"] for n in range(100))  # drawn into one of four or so
    assert any(each["item_id"] == "brand-new" for items in served for each in items)
    put(stack, ItemChange("brand-new", chain.dataset.now + 1.0, None))
    assert until(lambda: not stack.ask("nobody", **asked)["items"])


def put(stack: Stack, change: ItemChange) -> None:
    stack.keys.put({names.live_item(change.item_id): change.to_json()})
    stack.keys.mark(names.ITEM_CHANGES, [change.item_id], stack.keys.count("test-item-changes"))


# --- another release


def test_another_release_answers_without_a_degraded_answer_between(chain: Chain, stack: Stack, person: str) -> None:
    first, second = (path.name for path in chain.releases)
    for target, before in ((second, first), (first, second)):
        assert stack.ask(person)["release"] == before
        point(stack.releases, "stable", target)
        found = []
        assert until(lambda: found.append(stack.ask(person)) or found[-1]["release"] == target, seconds=30)  # noqa: B023
        assert all(each["degraded"] == [] for each in found)


# --- what is survived; parts end here, so these come last


def test_who_is_static_is_answered_by_the_release_alone(chain: Chain, stack: Stack) -> None:
    state = prior_state(chain.releases[0])
    best = stack.ask("anybody", context=at(chain))["items"][0]["item_id"]
    state.arms.learn_one(best, exposures=5_000.0, reward=0.0)
    state.version = 12
    stack.stop("transformer")
    publish(stack.keys, state)
    stack.more["GEMS_STATIC_SHARE"] = "0.5"
    try:
        stack.start("transformer")
        told = {name: Assignment(0.5).of(Pseudonyms(b"test").of(name)) for name in map(str, range(12))}
        assert set(told.values()) == {"online", "static"}
        assert until(lambda: stack.ask("2", context=at(chain))["degraded"] == [])
        for name, variant in told.items():
            found = stack.ask(name, context=at(chain))
            assert found["variant"] == variant
            assert until(
                lambda name=name, version=12 if variant == "online" else 0: (  # type: ignore[misc]
                    stack.ask(name, context=at(chain))["state_version"] == version
                )
            )
        found = stack.ask(next(name for name, variant in told.items() if variant == "static"), context=at(chain))
        _, slate = stack.logged(found["slate_id"])
        assert (slate.variant, slate.state_version) == ("static", 0)
        assert not {"trending", "online"} & {source for place in slate.places for source in place.sources}
        text = httpx.get(f"{stack.transformer.url}/metrics").text
        places = {variant: sample(text, "gems_drawn_places_total", variant) for variant in ("online", "static")}
        assert min(places.values()) >= 10
        assert 0 < sum(sample(text, "gems_explored_places_total", name) for name in places) < sum(places.values())
    finally:
        del stack.more["GEMS_STATIC_SHARE"]
        stack.keys.delete([names.ONLINE_STATE, names.ONLINE_VERSION])
        stack.stop("transformer", "ranker")
        stack.start("ranker", "transformer")
        assert until(lambda: stack.ask("anybody", context=at(chain))["degraded"] == [], seconds=20)


def test_the_business_file_is_obeyed_without_a_restart(chain: Chain, stack: Stack) -> None:
    file = stack.home / "business.toml"

    def certain() -> bool:
        items = stack.ask("nobody", context=at(chain))["items"]
        return all(each["propensity"] == 1.0 for each in items)

    assert not certain()
    stack.home.mkdir(exist_ok=True)
    try:
        file.write_text("explored_share = 0.0\n")
        assert until(certain, seconds=20)
        file.write_text("explored_share = all\n")
        assert until(lambda: stack.transformer.metric("gems_business_file_refused") == 1.0)
        assert certain()
        assert "business.toml is not obeyed" in stack.transformer.log.read_text()
    finally:
        file.unlink(missing_ok=True)
    assert until(lambda: not certain() and stack.transformer.metric("gems_business_file_refused") == 0.0, seconds=20)


def sample(text: str, name: str, variant: str) -> float:
    """Value of a metric of one variant."""
    return next(value for labels, value in read_metrics(text)[name] if labels["variant"] == variant)


def test_without_deep_its_features_are_missing(chain: Chain, stack: Stack, person: str) -> None:
    stack.stop("deep")
    found = stack.ask(person, context=at(chain))
    assert (found["degraded"], found["policy"]) == (["deep"], "ranker+thompson-deep")
    assert len(found["items"]) == 10
    _, slate = stack.logged(found["slate_id"])
    assert slate.degraded == ("deep",)
    column = FEATURE_NAMES.index("ncf_score")
    assert all(math.isnan(place.vector[column]) for place in slate.places)
    stack.start("deep")
    assert until(lambda: stack.ask(person, context=at(chain))["degraded"] == [])


def test_without_the_ranker_other_orders_are_blended(chain: Chain, stack: Stack, person: str) -> None:
    stack.stop("ranker")
    found = stack.ask(person, context=at(chain), explain="full")
    assert (found["degraded"], found["policy"]) == (["ranker", "explanations"], "blend+thompson-ranker")
    assert len(found["items"]) == 10
    assert all(0 <= each["score"] <= 1 and 0 < each["propensity"] <= 1 for each in found["items"])
    assert all(set(each["explanation"]) == BRIEF for each in found["items"])
    assert stack.post({"user_id": person, "item_id": found["items"][0]["item_id"]}, "explain").status_code == 503
    stack.start("ranker")
    assert until(lambda: stack.ask(person, context=at(chain))["degraded"] == [])


def test_without_the_broker_nothing_is_degraded_and_the_slate_arrives_later(
    chain: Chain, stack: Stack, person: str
) -> None:
    stack.stop("broker")
    found = stack.ask(person, context=at(chain))
    assert (found["degraded"], len(found["items"])) == ([], 10)
    stack.start("broker")
    assert stack.logged(found["slate_id"])[1].slate_id == found["slate_id"]


def test_without_the_store_the_person_is_new_and_unnamed(chain: Chain, stack: Stack, person: str) -> None:
    stack.stop("redis")
    found = stack.ask(person, context=at(chain))
    assert (found["degraded"], found["policy"]) == (["features"], "ranker+thompson-features")
    assert (len(found["items"]), found["hand_over"]) == (10, 0.0)
    key, slate = stack.logged(found["slate_id"])
    assert (key, slate.user_id) == (found["slate_id"], "")
    everything_away(stack, person)
    stack.start("redis")
    assert until(lambda: stack.ask(person, context=at(chain))["degraded"] == [], seconds=30)
    assert stack.ask(person, context=at(chain))["hand_over"] == 1.0


def everything_away(stack: Stack, person: str) -> None:
    stack.stop("deep", "ranker")
    found = stack.ask(person)
    assert (found["degraded"], found["policy"]) == (
        ["features", "deep", "ranker"], "blend+thompson-features-deep-ranker",
    )  # fmt: skip
    assert len(found["items"]) == 10
    stack.start("deep", "ranker")
