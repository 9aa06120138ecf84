"""From a click to a changed answer, and from an answer to the row it trains: through every process of the stack."""

import time

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.history import read_history, with_history
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.schema import FEATURE_NAMES, SCORE_NAMES
from hidden_gems.features.vector import feature_matrix
from hidden_gems.training.training_set import TrainingSetConfig, build_training_set
from tests.integration.chain import Chain
from tests.integration.clicks import click_seconds, clicked, offered, seconds_until
from tests.integration.stack import until
from tests.slowness import slowness
from tests.stacks import RunningStack

TRIES = 15
LIMIT_SECONDS = 5.0
QUIET_SECONDS = 3.0


def test_a_signed_click_changes_the_persons_next_answer_in_time(stack: RunningStack) -> None:
    assert max(click_seconds(stack, TRIES)) <= LIMIT_SECONDS * slowness()


@pytest.mark.parametrize("token", ["", "forged.token"])
def test_an_unsigned_click_changes_nothing(stack: RunningStack, token: str) -> None:
    person, other = stack.people[3], stack.people[4]
    slate = stack.client.recommend(person, limit=2, explain="none")
    gem = slate.items[0].item_id
    event = {"user_id": person, "item_id": gem, "event_type": "click", "slate_id": slate.slate_id, "position": 0}
    taken = stack.client.send_events([event | ({"impression_token": token} if token else {})])
    assert (taken.accepted, taken.unsigned) == (1, 1)
    later = clicked(stack, other, stack.client.recommend(other, limit=2, explain="none"))
    seconds_until(lambda: not offered(stack, other, later))  # the learner has come past the unsigned one
    time.sleep(1.0)
    assert offered(stack, person, gem)


def test_a_token_of_somebody_else_moves_nothing(stack: RunningStack) -> None:
    mine, theirs = stack.people[5], stack.people[6]
    slate = stack.client.recommend(theirs, limit=1, explain="none")
    item = slate.items[0]
    event = {"user_id": mine, "item_id": item.item_id, "event_type": "click", "impression_token": item.impression_token}
    assert stack.client.send_events([event]).unsigned == 1


def test_the_vector_that_was_logged_is_the_one_that_trains(chain: Chain, stack: RunningStack) -> None:
    person = stack.people[7]
    gem = clicked(stack, person, stack.client.recommend(person, limit=3, explain="none"))
    seconds_until(lambda: not offered(stack, person, gem))
    time.sleep(QUIET_SECONDS)  # everything that was shown or said so far has reached the rows
    found = stack.client.recommend(person, limit=20, context={"weather": "rain", "temperature_c": 8.5}, explain="none")
    folder = stack.stack.plan.places.history
    seconds_until(lambda: found.slate_id in set(read_history(folder).impressions["slate_id"]))
    shown = with_history(chain.dataset, folder).impressions
    shown = shown[shown["slate_id"] == found.slate_id].reset_index(drop=True)
    assert shown["item_id"].tolist() == [item.item_id for item in found.items]
    assert set(shown["user_id"]) == {Pseudonyms(b"test").of(person)}
    scores = list(SCORE_NAMES)
    logged = pd.DataFrame(np.stack(shown["vector"].to_list()), columns=FEATURE_NAMES).astype(np.float32)

    def rebuilt() -> tuple[pd.DataFrame, pd.DataFrame]:
        raw = raw_columns(with_history(chain.dataset, folder), shown)
        vectors = feature_matrix({str(name): raw[name].to_numpy(np.float64) for name in raw}, {})
        return raw, pd.DataFrame(vectors, columns=FEATURE_NAMES).drop(columns=scores)

    expected = logged.drop(columns=scores)
    until(lambda: rebuilt()[1].equals(expected), 30.0)  # what was said before the slate may reach the archive after it
    raw, made = rebuilt()
    pd.testing.assert_frame_equal(expected, made, check_exact=True)
    assert (raw["own_likes"] == 0).all()
    assert raw["user_likes"].iloc[0] > 0
    now = int(shown["timestamp"].iloc[0])
    clicked(stack, person, found)
    seconds_until(lambda: found.slate_id in set(read_history(folder).interactions["slate_id"]))
    dataset = with_history(chain.dataset, folder)
    split = TimeSplit(now - 1, now + 8 * 86_400)
    learned = build_training_set(dataset, split, lambda *_: [], TrainingSetConfig(moments=0))
    rows = learned.marks["slate_id"] == found.slate_id
    assert rows.sum() == len(shown)
    assert learned.has_logged[rows.to_numpy()].all()
    np.testing.assert_array_equal(learned.logged[rows.to_numpy()], logged.to_numpy())
