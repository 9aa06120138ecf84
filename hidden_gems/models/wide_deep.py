"""Wide & Deep: crosses that memorise beside a perceptron that generalises, over what a person did so far."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from hidden_gems.models.tables import ItemTables, UserTables
from hidden_gems.models.traces import KERNELS, kernel_weights, met_candidates, met_keys

_LIKE_KERNELS = (0, 3, 7)  # all, the last ones, the same hour: how types, neighbourhoods and cells were met
_NEAR_KERNELS = (0, 1, 3)  # all, the very last one, the last ones: what factors are compared with
_SHARE_SCALE = 50.0  # from this part on a share counts
_NORM_START = 5.0  # interactions from which on more of them count less
_HOUR_SECONDS = 3_600.0
_FAR_KM, _FARTHEST = 10.0, 5.0  # distances count in tens of km, up to 50 km
_TIME_KNOWN, _WET, _WEATHER_KNOWN, _HOT, _COLD = 7, 8, 9, 10, 11  # columns of `features.context`
_TIMES, _WEATHERS = 5, 9  # times of day, and skies X temperatures; both count the unknown one
LIKES = 3
"""Keys by which items are alike: type, neighbourhood, cell of the map."""
PAIR_INPUTS = len(KERNELS) + LIKES * len(_LIKE_KERNELS) + len(_NEAR_KERNELS) + 8
"""Known about a person and an item together: own visits, shares of their likes, nearness, profile, ids, distances."""
NEAREST = len(KERNELS) + LIKES * len(_LIKE_KERNELS)
"""Which of them is the product of factors with all that was met."""
PERSON_INPUTS = 5
"""Known about a person's history: length, hours since the last of it, whether places are known."""

Counts = Callable[[Tensor, Tensor, int, Tensor], Tensor]
"""Keys of candidates, keys of the history, number of keys, weights: weight of what was met, B X N X K."""


@dataclass(frozen=True)
class WideDeepConfig:
    """Sizes of the tables and layers; nothing about data, devices or training."""

    users: int  # rows of the user table, the unknown user at 0 included
    items: int  # rows of the item table, the unknown item at 0 included
    likes: tuple[int, int, int]  # types, neighbourhoods and cells of the map, the unknown ones at 0 included
    context: int  # width of what is known about the request
    attributes: int  # width of what is known about the item
    person: int  # width of what is known about the person
    factors: int = 64  # width of the tables by which items are near to each other
    width: int = 16  # embedding width of user, item, type and neighbourhood
    moment_width: int = 8  # embedding width of time of day and weather
    hidden: tuple[int, ...] = (256, 128, 64, 32)  # widths of the deep part, at least one
    crosses: int = 1_048_576  # rows of the user X type table, at most; more crosses share rows
    dropout: float = 0.0


@dataclass(frozen=True)
class Person:
    """What the module knows about B requests."""

    history: Tensor  # B X L
    weights: Tensor  # of the past interactions, B X L X K
    first: Tensor  # part of the first layer, B X H
    embedding: Tensor  # B X D
    near: tuple[Tensor, ...]  # what each kernel of nearness pools, B X F each
    profile: Tensor  # of the attributes met, B X D
    places: Tensor  # the last place, the middle of all, and home, B X 3 X 2
    placed: Tensor  # 1 where each is known, B X 3
    row: Tensor  # by which the tables of the person are read, B
    time: Tensor  # time of day, B

    def part(self, rows: slice) -> "Person":
        """Some of the requests."""
        near = tuple(pooled[rows] for pooled in self.near)
        whole = {each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name != "near"}
        return Person(near=near, **whole)


@dataclass(frozen=True)
class Candidates:
    """What the module knows about N candidates of each request, or the same of all (B is 1)."""

    item: Tensor  # row, B X N
    likes: Tensor  # type, neighbourhood and cell, B X N X 3
    first: Tensor  # part of the first layer, B X N X H
    embedding: Tensor  # B X N X D
    target: Tensor  # B X N X F
    profile: Tensor  # of the attributes, B X N X D
    popularity: Tensor  # B X N X 1


class WideDeep(nn.Module):
    """Score how likely a person goes to an item now.

    Notation: B requests, N candidates each, L past interactions, K kernels (`models.traces`), D = `width`, F =
    `factors`, H = first of `hidden`, P = `PAIR_INPUTS`.

    Source:
        Cheng et al. (2016), Wide & Deep Learning for Recommender Systems. As there, crosses (user X type,
        neighbourhood X time of day) enter linearly and embeddings a perceptron, and both are learned together. What is
        ours: continuous inputs come from the history, also linearly, so that a person without a learned row is served
        by what they did; among them are products of factors (Kabbur et al. 2013, FISM), which a perceptron over
        concatenations hardly learns (Rendle et al. 2020). The first layer is a sum of a part of the person, of the
        item, and of both, which equals one layer over their concatenation.
    """

    item_likes: Tensor
    item_attributes: Tensor
    item_place: Tensor
    item_placed: Tensor
    item_popularity: Tensor
    item_row: Tensor
    user_attributes: Tensor
    user_place: Tensor
    user_placed: Tensor
    user_row: Tensor

    def __init__(self, config: WideDeepConfig, items: ItemTables, users: UserTables) -> None:
        super().__init__()
        self.config = config
        width, first, last = config.width, config.hidden[0], config.hidden[-1]
        for side, tables in (("item", items), ("user", users)):
            for name, table in vars(tables).items():
                self.register_buffer(f"{side}_{name}", table)
        types, areas, _ = config.likes
        self.user, self.item = nn.Embedding(config.users, width), nn.Embedding(config.items, width)
        self.kind, self.area = nn.Embedding(types, width), nn.Embedding(areas, width)
        self.time = nn.Embedding(_TIMES, config.moment_width)
        self.weather = nn.Embedding(_WEATHERS, config.moment_width)
        self.source = nn.Embedding(config.items, config.factors)  # of what was met
        self.target = nn.Embedding(config.items, config.factors)  # of the candidate
        self.profile = nn.Linear(config.attributes, width, bias=False)
        person = 5 * width + 2 * config.moment_width + config.context + config.person + PERSON_INPUTS
        self.from_person = nn.Linear(person, first)
        self.from_item = nn.Linear(3 * width + config.attributes + 1, first, bias=False)
        self.from_pair = nn.Linear(PAIR_INPUTS, first, bias=False)
        self.deep = nn.Sequential(
            _BatchNorm(first),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            *(
                layer
                for inner, outer in pairwise(config.hidden)
                for layer in (nn.Linear(inner, outer), _BatchNorm(outer), nn.ReLU(), nn.Dropout(config.dropout))
            ),
        )
        self.from_deep = nn.Linear(last, 1)
        self.user_type = nn.Embedding(min(config.users * types, config.crosses), 1)
        self.area_time = nn.Embedding(areas * _TIMES, 1)
        self.popular = nn.Linear(1, 1, bias=False)
        self.wide = nn.Linear(PAIR_INPUTS, 1, bias=False)
        self._start()

    def _start(self) -> None:
        """Start from popularity; everything else has to earn its weight."""
        for table in (self.user, self.item, self.kind, self.area, self.time, self.weather):
            nn.init.normal_(table.weight, std=0.1)
        for zero in (self.user_type, self.area_time, self.wide, self.from_deep, self.from_pair):
            nn.init.zeros_(zero.weight)
        nn.init.zeros_(self.from_deep.bias)
        nn.init.ones_(self.popular.weight)

    def forward(
        self,
        user: Tensor,
        item: Tensor,
        context: Tensor,
        history: Tensor,
        ages: Tensor,
        shown: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Logit of each candidate.

        Args:
            user: Row of each person, int64, size B.
            item: Rows of the candidates, int64, size B X N.
            context: What is known about each request, float32, size B X C.
            history: Item rows, oldest first, 0 where padded on the left, int64, size B X L.
            ages: How long ago each was, seconds, float32, size B X L.
            shown: Rows by which the own tables of people and candidates are read, for training with hidden ids, size B
                and B X N.

        Returns:
            Logits, float32, size B X N.
        """
        shown_user, shown_item = shown or (user, item)
        person = self.person(user, shown_user, context, history, ages)
        return self.fuse(person, self.candidates(item, shown_item), _counts_of_few)

    def catalogue(self, user: Tensor, context: Tensor, history: Tensor, ages: Tensor, step: int) -> Tensor:
        """Logit of every item, float32, size B X I: what `forward` gives, cheaper; `step` people at once."""
        rows = torch.arange(self.config.items, device=user.device)[None]
        person, every = self.person(user, user, context, history, ages), self.candidates(rows, rows)
        parts = (person.part(slice(start, start + step)) for start in range(0, len(user), step))
        return torch.cat([self.fuse(part, every, _counts_of_all) for part in parts])

    def person(self, user: Tensor, shown: Tensor, context: Tensor, history: Tensor, ages: Tensor) -> Person:
        """The side of the person, from the same arguments as `forward`."""
        weights = kernel_weights(history, ages)  # B X L X K
        total = weights.sum(dim=1)  # B X K
        every, last = weights[..., 0], weights[..., 3]
        near = tuple(_pooled(self.source.weight, history, weights[..., each], _NORM_START) for each in _NEAR_KERNELS)
        kinds, areas = self.item_likes[:, 0], self.item_likes[:, 1]
        profiles = self.profile(self.item_attributes)  # I X D
        tables = torch.cat([self.item(self.item_row), self.kind(kinds), self.area(areas), profiles], dim=1)
        pooled = _pool(tables, history, last) / (last.sum(dim=1, keepdim=True) + 1.0)
        time, sky = _time_of_day(context), _weather(context)
        known = self.item_placed[history]
        places = [_mean(self.item_place, history, known * weights[..., kernel]) for kernel in (1, 0)]
        there = ((known * every).sum(dim=1, keepdim=True) > 0).to(context.dtype)
        placed = torch.cat([there, there, self.user_placed[user][:, None]], dim=1)
        past = [torch.log1p(total[:, :1]), _idle(history, ages)[:, None], placed]
        row = self.user_row[shown]
        own = self.user(row)
        inputs = [own, pooled, self.time(time), self.weather(sky), context, self.user_attributes[user], *past]
        first = self.from_person(torch.cat(inputs, dim=1))
        where = torch.stack([*places, self.user_place[user]], dim=1)
        return Person(history, weights, first, own, near, pooled[:, -self.config.width :], where, placed, row, time)

    def candidates(self, item: Tensor, shown: Tensor) -> Candidates:
        """The side of the items; rows and those by which their own tables are read, size B X N each."""
        row = self.item_row[shown]
        likes, attributes = self.item_likes[item], self.item_attributes[item]
        embedding, popularity = self.item(row), self.item_popularity[row][..., None]
        known = [embedding, self.kind(likes[..., 0]), self.area(likes[..., 1]), attributes, popularity]
        first = self.from_item(torch.cat(known, dim=-1))
        return Candidates(item, likes, first, embedding, self.target(row), self.profile(attributes), popularity)

    def fuse(self, person: Person, items: Candidates, counts: Counts) -> Tensor:
        """Logits of candidates, size B X N."""
        pair = self.pair(person, items, counts)  # B X N X P
        deep = self.from_deep(self.deep(person.first[:, None] + items.first + self.from_pair(pair)))
        crosses = self.crosses(person.row, person.time, items.likes).sum(dim=-1, keepdim=True)
        logits: Tensor = deep + self.wide(pair) + self.popular(items.popularity) + crosses
        return logits.squeeze(-1)

    def crosses(self, row: Tensor, time: Tensor, likes: Tensor) -> Tensor:
        """Linear parts of user X type and neighbourhood X time of day, size B X N X 2."""
        user_type = (row[:, None] * self.config.likes[0] + likes[..., 0]) % self.user_type.num_embeddings
        area_time = likes[..., 1] * _TIMES + time[:, None]
        crosses: Tensor = torch.cat([self.user_type(user_type), self.area_time(area_time)], dim=-1)
        return crosses

    def penalty(self, user: Tensor, item: Tensor, context: Tensor) -> Tensor:
        """Mean absolute weight of the crosses of some pairs: the L1 penalty of what they use."""
        return self.crosses(self.user_row[user], _time_of_day(context), self.item_likes[item]).abs().mean()

    def pair(self, person: Person, items: Candidates, counts: Counts) -> Tensor:
        """What is known about person and item together, size B X N X P."""
        own = counts(items.item, person.history, self.config.items, person.weights)
        parts = [torch.log1p(own)]
        weights = person.weights[..., list(_LIKE_KERNELS)]
        total = weights.sum(dim=1)[:, None] + 1.0  # B X 1 X kernels
        for key, size in enumerate(self.config.likes):
            met = counts(items.likes[..., key], self.item_likes[person.history, key], size, weights)
            parts.append(torch.log1p(_SHARE_SCALE * met / total))
        parts += [_product(near, items.target) for near in person.near]
        parts.append(_product(person.profile, items.profile))
        parts.append(_product(person.embedding, items.embedding))
        apart = self.item_place[items.item][:, :, None] - person.places[:, None]  # B X N X 3 X 2
        placed = self.item_placed[items.item][..., None] * person.placed[:, None]
        km = (apart**2).sum(dim=-1).sqrt()
        parts += [torch.log1p(km) * placed, (km / _FAR_KM).clamp(max=_FARTHEST) * placed]
        return torch.cat(parts, dim=-1)


class _BatchNorm(nn.BatchNorm1d):
    """Batch norm of the last size, whatever comes before it, also of no rows at all once it has learned."""

    def forward(self, values: Tensor) -> Tensor:
        if self.training or self.running_mean is None or self.running_var is None:
            return super().forward(values.flatten(0, -2)).view_as(values)
        scale = self.weight / (self.running_var + self.eps).sqrt()
        return values * scale + (self.bias - self.running_mean * scale)


def _counts_of_few(keys: Tensor, history: Tensor, size: int, weights: Tensor) -> Tensor:
    return met_candidates(keys.expand(history.shape[0], -1), history, weights)


def _counts_of_all(keys: Tensor, history: Tensor, size: int, weights: Tensor) -> Tensor:
    return met_keys(size, history, weights)[:, keys[0]]


def _product(person: Tensor, items: Tensor) -> Tensor:
    """Product of B vectors with those of N candidates each, or of the same N, size B X N X 1."""
    return items @ person[..., None]


def _pool(table: Tensor, history: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum over the history, size B X D, of a table of size I X D."""
    if torch.onnx.is_in_onnx_export():  # the fused operator has no ONNX counterpart
        return (table[history] * weights[..., None]).sum(dim=1)
    return functional.embedding_bag(history, table, per_sample_weights=weights, mode="sum")


def _mean(table: Tensor, history: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the history, 0 where nothing weighs, size B X D."""
    return _pool(table, history, weights) / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)


def _pooled(table: Tensor, history: Tensor, weights: Tensor, start: float) -> Tensor:
    """Weighted sum over the history divided by the root of its weight, size B X D."""
    return _pool(table, history, weights) / (weights.sum(dim=1, keepdim=True) + start).sqrt()


def _idle(history: Tensor, ages: Tensor) -> Tensor:
    """Logarithm of the hours since the last interaction, 0 without any, B."""
    return torch.log1p(ages[:, -1] / _HOUR_SECONDS) * (history[:, -1] > 0)


def _time_of_day(context: Tensor) -> Tensor:
    """Quarter of the day of each request, 0 where unknown, B."""
    sin, cos = context[:, 0], context[:, 1]
    quarter = 1 + 2 * (cos > 0).long() + (sin > 0).long()
    return quarter * (context[:, _TIME_KNOWN] > 0)


def _weather(context: Tensor) -> Tensor:
    """Sky (unknown, dry, wet) and temperature (neither, hot, cold) of each request, B."""
    flag = {name: (context[:, name] > 0).long() for name in (_WET, _WEATHER_KNOWN, _HOT, _COLD)}
    return 3 * (flag[_WEATHER_KNOWN] + flag[_WET]) + flag[_HOT] + 2 * flag[_COLD]
