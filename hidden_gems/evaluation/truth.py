"""What people did after the cut-off, and what they had done before: the answer sheet of every protocol."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from hidden_gems.datasets.interactions import Interactions, Rows


@dataclass(frozen=True)
class Truth:
    """The people who are judged and what is relevant to each.

    Notation: B people with a relevant item, I items with the unknown row 0, which is never ranked.
    """

    users: Rows  # row of each person in the user index, B
    relevant: sparse.csr_array  # 1 where the person came to the item after the cut-off, B X I
    hidden: sparse.csr_array  # 1 where the item is left out because the person knows it already, B X I
    left_out: int  # people with an interaction after the cut-off and no relevant item

    @property
    def items(self) -> int:
        """I."""
        return int(self.relevant.shape[1])


def seen_matrix(interactions: Interactions) -> sparse.csr_array:
    """1 where a person has any interaction with an item, U X I."""
    ones = np.ones(len(interactions.user), dtype=np.int8)
    shape = (interactions.users, interactions.items)
    seen = sparse.coo_array((ones, (interactions.user, interactions.item)), shape=shape, dtype=np.int8).tocsr()
    seen.sum_duplicates()
    seen.data[:] = 1
    return seen


def truth_after(past: Interactions, future: Interactions, repeats: bool) -> Truth:
    """Answer sheet for lists made at the cut-off.

    Args:
        past: What happened before the cut-off.
        future: Positive interactions from the cut-off on, in the same rows; unknown people and items (row 0) are
            nobody's answer.
        repeats: With repeats, an item the person knew already is relevant like any other and may be recommended;
            without (new places), it is neither relevant nor ranked.
    """
    came, knew = seen_matrix(future), seen_matrix(past)
    came.data[came.indices == 0] = 0
    came.eliminate_zeros()
    users = np.unique(future.user[(future.user > 0) & (future.item > 0)])
    relevant = came[users]
    hidden = sparse.csr_array(relevant.shape, dtype=np.int8) if repeats else knew[users]
    relevant = (relevant - relevant.multiply(hidden)).tocsr()
    relevant.eliminate_zeros()
    judged = np.diff(relevant.indptr) > 0
    return Truth(users[judged], relevant[judged], hidden[judged], left_out=int((~judged).sum()))
