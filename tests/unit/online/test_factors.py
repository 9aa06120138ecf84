import numpy as np
import pytest

from hidden_gems.online.factors import DIMENSIONS, Feedback, OnlineFactors


def table_of(factors: OnlineFactors, item: str) -> np.ndarray:  # type: ignore[type-arg]
    [row] = factors.index.rows([item])
    found: np.ndarray = factors.table()[row]  # type: ignore[type-arg]
    return found


def test_one_step_down_the_gradient() -> None:
    factors = OnlineFactors(dimensions=2, learning_rate=0.5, decay=0.1)
    factors.add_items(["g"])
    item = table_of(factors, "g")
    person = np.array([0.1, 0.2, -0.3])
    after = factors.learn_one(person, "g", 0.7)
    error = 0.7 - (0.1 + 0.0 + 0.2 * item[1] - 0.3 * item[2])
    assert after == pytest.approx(person + 0.5 * (error * np.array([1.0, item[1], item[2]]) - 0.1 * person))
    assert table_of(factors, "g") == pytest.approx(item + 0.5 * (error * np.array([1.0, 0.2, -0.3]) - 0.1 * item))
    assert person.tolist() == [0.1, 0.2, -0.3]


def test_the_defaults_are_sixteen_factors_and_small_steps() -> None:
    factors = OnlineFactors()
    assert (factors.dimensions, factors.learning_rate, factors.decay, factors.scale, factors.bound) == (
        DIMENSIONS, 0.1, 0.01, 0.1, 1.0
    )  # fmt: skip
    assert DIMENSIONS == 16
    assert factors.person(None).tolist() == [0.0] * 17


def test_first_factors_do_not_depend_on_the_order_of_arrival_but_on_the_seed() -> None:
    one, two, other = OnlineFactors(), OnlineFactors(), OnlineFactors(seed=1)
    one.add_items(["a", "b", "c"])
    two.add_items(["c"])
    two.learn_one(two.person(None), "b", 0.0)
    other.add_items(["c"])
    assert (table_of(one, "c") == table_of(two, "c")).all()
    assert not (table_of(one, "c") == table_of(other, "c")).any(where=[False] + [True] * 16)
    assert not np.isclose(table_of(one, "a")[1:], table_of(one, "b")[1:]).all()
    many = OnlineFactors()
    many.add_items([f"g{n}" for n in range(500)])
    assert many.table()[1:, 1:].std() == pytest.approx(0.1, rel=0.05)
    assert not many.table()[:, 0].any()


def test_no_event_throws_a_vector_beyond_its_bound() -> None:
    factors = OnlineFactors(learning_rate=50.0, bound=0.5)
    person = factors.learn_one(np.full(17, 0.5), "g", 1.0)
    assert (np.abs(person[0]), np.linalg.norm(person[1:])) <= (0.5, 0.5 + 1e-12)
    assert (np.abs(table_of(factors, "g")[0]), np.linalg.norm(table_of(factors, "g")[1:])) <= (0.5, 0.5 + 1e-12)
    small = OnlineFactors(decay=0.0, bound=0.2)
    assert small.learn_one(small.person(None), "g", 0.9)[0] == pytest.approx(0.1 * 0.2)
    assert small.learn_one(small.person(None), "h", -0.9)[0] == pytest.approx(-0.1 * 0.2)


def test_affinity_is_biases_and_product_and_an_unknown_item_is_the_bias_alone() -> None:
    factors = OnlineFactors(dimensions=2)
    person = factors.learn_one(np.array([0.3, 0.2, 0.1]), "g", 1.0)
    rows = factors.index.rows(["unknown", "g"])
    bias, *rest = table_of(factors, "g")
    expected = [person[0], person[0] + bias + person[1] * rest[0] + person[2] * rest[1]]
    assert factors.affinity(person, rows).tolist() == pytest.approx(expected)


def test_people_who_like_the_same_come_to_like_the_same_others() -> None:
    factors, random = OnlineFactors(), np.random.default_rng(0)
    groups = {"left": ["a", "b", "c"], "right": ["d", "e", "f"]}
    events = []
    for _ in range(3000):
        number, group = int(random.integers(40)), ("left", "right")[int(random.integers(2))]
        reward = 0.7 if (number % 2 == 0) == (group == "left") else -0.5
        events.append(Feedback(f"p{number}", str(random.choice(groups[group])), reward))
    people = factors.learn_many({}, events)
    new = factors.learn_many({}, [Feedback("new", "a", 0.7), Feedback("new", "d", -0.5)] * 5)["new"]
    b, e = factors.affinity(new, factors.index.rows(["b", "e"]))
    assert b > e + 0.3
    assert len(people) == 40


def test_learning_many_answers_for_those_of_the_events_and_leaves_its_input_alone() -> None:
    factors = OnlineFactors(dimensions=1)
    people = {"ada": np.array([0.5, 0.5]), "bora": np.array([0.1, 0.1])}
    found = factors.learn_many(people, [Feedback("ada", "g", 1.0), Feedback("cem", "g", 1.0)])
    assert sorted(found) == ["ada", "cem"]
    assert people["ada"].tolist() == [0.5, 0.5]


def test_a_person_comes_back_from_bytes_to_the_bit() -> None:
    factors = OnlineFactors()
    person = np.random.default_rng(0).normal(size=17)
    packed = factors.packed(person)
    assert len(packed) == 136
    assert (factors.person(packed) == person).all()
    factors.person(packed)[0] = 1.0
    assert (factors.person(packed + b"what follows") == person).all()
    for wrong in (packed[:-1], b""):
        with pytest.raises(ValueError, match=f"136 bytes or more, got {len(wrong)}"):
            factors.person(wrong)
    with pytest.raises(ValueError, match="finite"):
        factors.person(factors.packed(person * np.nan))


def test_beyond_the_limit_an_item_stays_unknown() -> None:
    factors = OnlineFactors()
    factors.index.limit = 1
    assert factors.add_items(["a", "b"]).tolist() == [1, 0]
    factors.learn_one(factors.person(None), "b", 1.0)
    assert not factors.table()[0].any()


def test_only_tables_of_the_right_size_are_restored() -> None:
    factors = OnlineFactors(dimensions=2)
    factors.add_items(["a"])
    assert (OnlineFactors(dimensions=2).restore(["a"], factors.table()).table() == factors.table()).all()
    for wrong in (factors.table()[:1], factors.table()[:, :2], factors.table() + np.inf):
        with pytest.raises(ValueError, match="2 rows"):
            OnlineFactors(dimensions=2).restore(["a"], wrong)
