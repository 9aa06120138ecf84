from pathlib import Path

import numpy as np
import pytest

from hidden_gems.export.onnx import DEEP_MODELS, export_deep
from hidden_gems.export.sessions import DeepSession, RankerSession, open_session
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.export.triton import write_model_repository
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from tests.logs import facts_of, town

LOG = town()
SETTINGS = NCFSettings(width=8, hidden=(8, 4), loop=LoopConfig(epochs=1, batch=128))


@pytest.fixture(scope="module")
def ncf() -> NCFRecommender:
    return NCFRecommender(facts_of(np.eye(LOG.items, 3, dtype=np.float32)), settings=SETTINGS).fit(LOG)


@pytest.fixture(scope="module")
def ranker() -> LambdaMART:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    return LambdaMART(tuple("abcd")).fit(x, (x[:, 0] > 0).astype(np.int64), np.full(20, 15))


@pytest.fixture(scope="module")
def release(ncf: NCFRecommender, ranker: LambdaMART, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    write_model_repository(export_deep(ncf, folder / "graphs"), folder / "model_repository")
    export_lambdamart(ranker, folder / "ranker" / "lambdamart.onnx")
    return folder


@pytest.mark.parametrize("rows", [[], [5], [5, 0, 7, 5]])
def test_the_served_graph_scores_candidates_of_one_person(release: Path, ncf: NCFRecommender, rows: list[int]) -> None:
    session, items = DeepSession(release, list(DEEP_MODELS)), np.array(rows, dtype=np.int64)
    assert session.names == DEEP_MODELS == ("ncf",)
    when = LOG.moments[np.zeros(len(rows), dtype=int)]  # own visits are not in the served graph yet
    scores = session(3, items, ncf.context(LOG.moments[:1]))
    assert scores.dtype == np.float32
    assert scores.shape == (1, len(rows))
    np.testing.assert_allclose(scores[0], ncf.score(np.full(len(rows), 3), items, when), atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_the_ranker_scores_vectors(release: Path, ranker: LambdaMART, count: int) -> None:
    vectors = np.random.default_rng(1).normal(size=(count, 4)).astype(np.float32)
    scores = RankerSession(release)(vectors)
    assert (scores.dtype, scores.shape) == (np.float32, (count,))
    np.testing.assert_allclose(scores, ranker.score(vectors), atol=1e-5)


def test_a_session_keeps_to_one_thread(release: Path) -> None:
    options = open_session(release / "ranker" / "lambdamart.onnx").get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
