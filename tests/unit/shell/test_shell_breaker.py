from inference.shell.breaker import Breaker


def broken(now: list[float], failures: int = 3) -> Breaker:
    breaker = Breaker(failures, 1.0, monotonic=lambda: now[0])
    for _ in range(failures):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    now = [0.0]
    breaker = Breaker(3, 1.0, monotonic=lambda: now[0])
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert (breaker.open, breaker.allows()) == (False, True)
    breaker.failed()
    assert (breaker.open, breaker.allows()) == (True, False)


def test_after_the_pause_one_probe_goes_through_at_a_time() -> None:
    now = [0.0]
    breaker = broken(now)
    now[0] = 0.999
    assert not breaker.allows()
    now[0] = 1.0
    assert [breaker.allows(), breaker.allows(), breaker.allows()] == [True, False, False]


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_starts_another_pause() -> None:
    now = [1.0]
    breaker = broken(now)
    now[0] = 2.0
    assert breaker.allows()
    breaker.failed()
    now[0] = 2.999
    assert not breaker.allows()
    now[0] = 3.0
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.open
    assert [breaker.allows() for _ in range(3)] == [True] * 3
    breaker.failed()
    breaker.failed()
    assert breaker.allows()


def test_a_probe_whose_caller_went_away_makes_room_for_the_next() -> None:
    now = [0.0]
    breaker = broken(now)
    now[0] = 1.0
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.open
    assert breaker.allows()


def test_defaults() -> None:
    breaker = Breaker()
    assert (breaker.failures, breaker.pause_seconds, breaker.open, breaker.allows()) == (5, 1.0, False, True)
