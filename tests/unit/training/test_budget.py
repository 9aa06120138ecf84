from hidden_gems.models.size import DataSize
from hidden_gems.training.budget import Budget
from hidden_gems.training.gru4rec import GRU4RecSettings
from hidden_gems.training.sasrec import SASRecSettings


def test_little_data_has_all_candidates_and_most_epochs() -> None:
    assert Budget.of(10_000, 1e5, 64, 100) == Budget(candidates=10_000, epochs=40)
    assert Budget.of(0, 1e5, 64, 100) == Budget(candidates=10_000, epochs=40)


def test_much_data_has_fewer_candidates_then_fewer_epochs() -> None:
    middle = Budget.of(200_000, 2e5, 64, 100)
    assert middle.candidates == int((6e12 / (12 * 200_000) - 3 * 2e5 - 100_000) / 384)
    assert middle.epochs == 12
    assert Budget.of(1_000_000, 2e5, 64, 100) == Budget(
        candidates=512, epochs=int(6e6 / (3 * 2e5 + 100_000 + 512 * 384))
    )
    assert Budget.of(100_000_000, 2e5, 64, 100).epochs == 3


def test_plan_is_the_plans() -> None:
    size = DataSize(people=10, items=10, interactions=100, catalogue=11, history=7)
    sas, gru = SASRecSettings.of("plan", size), GRU4RecSettings.of("plan", size)
    assert sas == SASRecSettings()
    assert gru == GRU4RecSettings()
    assert (sas.width, sas.layers, sas.heads, sas.inner, sas.dropout, sas.length) == (128, 2, 4, 512, 0.1, 50)
    assert (gru.width, gru.hidden, gru.layers, gru.session_days) == (128, 128, 2, 30.0)


def test_auto_fits_the_data() -> None:
    small = SASRecSettings.of(
        "auto", DataSize(people=900, items=1500, interactions=90_000, catalogue=1600, history=500)
    )
    assert (small.length, small.remembered, small.predictions) == (200, 200, 1024)
    large = DataSize(people=6_000, items=3_500, interactions=1_000_000, catalogue=3_600, history=400)
    sas, gru = SASRecSettings.of("auto", large), GRU4RecSettings.of("auto", large)
    assert (sas.length, sas.remembered, sas.predictions, sas.candidates) == (100, 100, 2048, 512)
    assert sas.loop.epochs >= 5
    assert (gru.length, gru.remembered, gru.predictions) == (100, 100, 2048)
    assert gru.session_days == 36_500.0
    sparse = SASRecSettings.of("auto", DataSize(20_000, 12_000, 200_000, 12_001, 15))
    assert (sparse.length, sparse.remembered) == (20, 20)
