"""What may be spent at a paid endpoint."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE, DAY = 60.0, 86_400.0


@dataclass
class Budget:
    """Limits in a minute and in a day; both begin anew when they are over.

    Args:
        requests_a_minute: Calls.
        tokens_a_minute: Of questions and answers together.
        tokens_a_day: Likewise.
        monotonic: Seconds on a clock that never goes back.

    Examples:
        >>> now = [0.0]
        >>> budget = Budget(requests_a_minute=2, tokens_a_minute=500, tokens_a_day=700, monotonic=lambda: now[0])
        >>> [budget.spend(300) for _ in range(2)]
        [True, False]
        >>> now[0] = 61.0
        >>> [budget.spend(tokens) for tokens in (400, 401)]
        [True, False]
    """

    requests_a_minute: int
    tokens_a_minute: int
    tokens_a_day: int
    monotonic: Callable[[], float] = time.monotonic
    _minute: tuple[float, int, int] = field(default=(0.0, 0, 0), init=False)  # window, calls, tokens
    _day: tuple[float, int] = field(default=(0.0, 0), init=False)

    def spend(self, tokens: int) -> bool:
        """Take a call of so many tokens out of the budget; False, and nothing is taken, where it does not fit."""
        now = self.monotonic()
        minute, day = now // MINUTE, now // DAY
        calls, in_minute = self._minute[1:] if self._minute[0] == minute else (0, 0)
        in_day = self._day[1] if self._day[0] == day else 0
        calls, in_minute, in_day = calls + 1, in_minute + tokens, in_day + tokens
        if calls > self.requests_a_minute or in_minute > self.tokens_a_minute or in_day > self.tokens_a_day:
            return False
        self._minute, self._day = (minute, calls, in_minute), (day, in_day)
        return True
