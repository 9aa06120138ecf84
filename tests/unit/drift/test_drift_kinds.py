from hidden_gems.datasets.contract import GEM_TYPES
from hidden_gems.drift.kinds import KINDS, kind_of


def test_every_type_of_the_contract_has_a_row_of_its_own() -> None:
    assert sorted(map(kind_of, GEM_TYPES)) == list(range(1, KINDS))


def test_other_words_share_rows_for_ever() -> None:
    rows = [kind_of(word) for word in ("lighthouse", "pier", "çay bahçesi")]
    assert rows == [17, 2, 13]
    assert kind_of("") == 0
