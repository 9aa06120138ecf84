import threading
import time

import pytest

from hidden_gems.core.errors import FencedError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import LEARNER_BEAT, LEARNER_GENERATION
from hidden_gems.online.lease import Lease


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(lease: Lease, above: int = 0) -> Fence:
    fence = lease.take(above)
    assert fence is not None
    return fence


def test_the_first_one_takes_it_and_the_next_waits_until_the_beat_stands_still() -> None:
    keys, clock = MemoryKeyValue(), Clock()
    first, second = Lease(keys, 3.0, clock), Lease(keys, 3.0, clock)
    assert first.free()
    assert taken(first).token == b"1"
    for _ in range(5):
        clock.now += 2.0
        keys.count(LEARNER_BEAT)
        assert not second.free()
    clock.now += 2.9
    assert not second.free()
    clock.now += 0.2
    assert second.free()
    assert taken(second).token == b"2"


def test_of_two_who_wait_one_takes_it() -> None:
    keys, clock = MemoryKeyValue(), Clock()
    some = [Lease(keys, 3.0, clock) for _ in range(2)]
    assert all(lease.free() for lease in some)
    assert taken(some[0]).token == b"1"
    assert some[1].take() is None
    assert not some[1].free()


def test_who_was_overtaken_is_told_and_its_beat_does_not_count() -> None:
    keys, clock = MemoryKeyValue(), Clock()
    old, new = Lease(keys, 3.0, clock), Lease(keys, 3.0, clock)
    assert old.free()
    fence = taken(old)
    old.check(fence)
    assert not new.free()
    clock.now = 4.0
    assert new.free()
    taken(new)
    with pytest.raises(FencedError, match="learner:generation is 2 by now, and was 1 for us"):
        old.check(fence)
    with pytest.raises(FencedError):
        keys.behind(fence).count(LEARNER_BEAT)


def test_a_store_that_lost_everything_does_not_give_a_number_twice() -> None:
    keys = MemoryKeyValue()
    lease = Lease(keys)
    assert lease.free()
    assert taken(lease, above=41).token == b"42"


def test_it_shows_life_while_it_is_held_and_is_free_at_once_afterwards() -> None:
    keys = MemoryKeyValue()
    lease, other = Lease(keys, 0.06), Lease(keys, 0.06)
    assert lease.free()
    before = threading.active_count()
    with lease.held(taken(lease)):
        deadline = time.monotonic() + 5.0
        while int(keys.get([LEARNER_BEAT])[0] or 0) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    assert threading.active_count() == before
    assert other.free()
    assert keys.get([LEARNER_GENERATION, LEARNER_BEAT]) == [b"1", None]
