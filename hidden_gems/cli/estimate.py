"""What an environment of `terraform/` costs a month, from its own settings and a table of list prices."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from hidden_gems.core.errors import BadInputError

SETTINGS, USAGE, PRICES = "terraform.tfvars.json", "usage.toml", "prices.toml"
ZONES = 3
"""Default of `zones` in modules/network."""
KEYS, SECRETS, ALARMS = 2, 6, 10
"""KMS keys in two regions, secrets in modules/cache and modules/identity, alarms in modules/observability."""

Part = Literal["training", "serving", "storage", "monitoring"]
_Read = TypeVar("_Read", bound=BaseModel)


class NodeGroup(BaseModel):
    """One of `settings.node_groups`."""

    instance_types: list[str]
    part: Part
    capacity: Literal["ON_DEMAND", "SPOT"]
    desired: int
    disk_gb: int


class Network(BaseModel):
    """`settings.network`."""

    nat_gateways: int
    interface_endpoints: list[str]


class Kafka(BaseModel):
    """`settings.kafka`."""

    instance_type: str
    brokers_per_zone: int
    volume_gb: int


class Cache(BaseModel):
    """`settings.cache`."""

    node_type: str
    nodes: int


class Database(BaseModel):
    """`settings.database`."""

    instance_class: str
    storage_gb: int
    multi_az: bool


class Settings(BaseModel):
    """What of `settings` costs money."""

    budget_usd: dict[Part, float]
    network: Network
    node_groups: dict[str, NodeGroup]
    kafka: Kafka
    cache: Cache
    database: Database


class Environment(BaseModel):
    """`terraform.tfvars.json` of an environment: what is applied is what is priced."""

    region: str
    settings: Settings


class Kept(BaseModel, extra="forbid"):
    """GB that lie somewhere for a month."""

    s3: float
    ecr: float
    volumes: float


class Usage(BaseModel, extra="forbid"):
    """`usage.toml` of an environment: what a month is assumed to need."""

    node_hours: dict[str, float]
    kept_gb: Kept
    moved_gb: dict[str, float]


class Rates(BaseModel, extra="forbid"):
    """Prices of one region in USD."""

    spot_share: float
    hour: dict[str, float]
    gb_month: dict[str, float]
    gb: dict[str, float]
    month: dict[str, float]


@dataclass(frozen=True)
class Prices:
    """The price table, for one region."""

    dated: date
    source: str
    hours_a_month: float
    region: str
    rates: Rates

    def of(self, unit: Literal["hour", "gb_month", "gb", "month"], name: str) -> float:
        """Price of one unit in USD.

        Raises:
            BadInputError: If the table does not have it.
        """
        try:
            return float(getattr(self.rates, unit)[name])
        except KeyError:
            raise BadInputError(
                f"{PRICES} has no price of {name!r} in {self.region}.{unit}: add it, with its source"
            ) from None


@dataclass(frozen=True)
class Item:
    """One line of the bill."""

    part: Part
    what: str
    quantity: float
    unit: str
    usd: float  # a month
    runs: bool  # from the moment of apply, whether used or not


def read_environment(folder: Path) -> tuple[Environment, Usage]:
    """Settings and expected usage of an environment.

    Args:
        folder: As `terraform/environments/production`.

    Raises:
        BadInputError: If the folder or a file is not there, or is not as expected.
    """
    if not (folder / SETTINGS).is_file():
        raise BadInputError(
            f"{folder / SETTINGS} is not there: terraform/ is part of the repository, not of the package; "
            "call this in a checkout, or name the environment's folder with --terraform"
        )
    environment = _read(Environment, folder / SETTINGS)
    usage = _read(Usage, folder / USAGE)
    unknown = set(usage.node_hours) - set(environment.settings.node_groups)
    if unknown:
        raise BadInputError(
            f"{folder / USAGE}: node_hours of {', '.join(sorted(unknown))}, which {SETTINGS} does not have"
        )
    return environment, usage


def read_prices(region: str) -> Prices:
    """The shipped price table.

    Raises:
        BadInputError: If it does not have the region.
    """
    table = tomllib.loads(resources.files(__package__).joinpath(PRICES).read_text(encoding="utf-8"))
    if region not in table:
        known = ", ".join(name for name, rates in table.items() if isinstance(rates, dict))
        raise BadInputError(f"{PRICES} has no prices of region {region!r}, only of {known}")
    rates = Rates.model_validate(table[region])
    return Prices(table["dated"], table["source"], table["hours_a_month"], region, rates)


def items(environment: Environment, usage: Usage, prices: Prices) -> list[Item]:
    """Every line of a month's bill.

    Raises:
        BadInputError: If a price is missing.
    """
    settings = environment.settings
    return [
        *_nodes(settings, usage, prices),
        *_network(settings.network, usage, prices),
        *_services(settings, prices),
        *_kept(usage, prices),
    ]


def _nodes(settings: Settings, usage: Usage, prices: Prices) -> Iterator[Item]:
    for name, group in settings.node_groups.items():
        used = usage.node_hours.get(name, 0.0)
        price = prices.of("hour", group.instance_types[0])
        price *= prices.rates.spot_share if group.capacity == "SPOT" else 1
        price += group.disk_gb * prices.of("gb_month", "gp3") / prices.hours_a_month
        kind = f"{name}: {group.instance_types[0]}{' spot' if group.capacity == 'SPOT' else ''}"
        if group.desired:
            hours = group.desired * prices.hours_a_month
            yield Item(group.part, f"{kind} × {group.desired}", hours, "node hours", hours * price, True)
        if used:
            yield Item(group.part, f"{kind}, when needed", used, "node hours", used * price, False)


def _network(network: Network, usage: Usage, prices: Prices) -> Iterator[Item]:
    endpoints = len(network.interface_endpoints) * ZONES
    for what, name, number in (
        ("NAT gateways", "nat", network.nat_gateways),
        ("interface endpoints, by zone", "endpoint", endpoints),
        ("load balancer", "load-balancer", 1),
        ("EKS control plane", "eks", 1),
    ):
        hours = number * prices.hours_a_month
        yield Item("serving", what, hours, "hours", hours * prices.of("hour", name), True)
    for name, moved in usage.moved_gb.items():
        part: Part = {"logs": "monitoring", "between-regions": "storage"}.get(name, "serving")  # type: ignore[assignment]
        yield Item(part, f"moved: {name}", moved, "GB", moved * prices.of("gb", name), False)


def _services(settings: Settings, prices: Prices) -> Iterator[Item]:
    month = prices.hours_a_month
    kafka, cache, database = settings.kafka, settings.cache, settings.database
    brokers, copies = kafka.brokers_per_zone * ZONES, 2 if database.multi_az else 1
    hours = brokers * month
    yield Item(
        "serving",
        f"Kafka: {kafka.instance_type} × {brokers}",
        hours,
        "hours",
        hours * prices.of("hour", kafka.instance_type),
        True,
    )
    hours = cache.nodes * month
    yield Item(
        "serving",
        f"Valkey: {cache.node_type} × {cache.nodes}",
        hours,
        "hours",
        hours * prices.of("hour", cache.node_type),
        True,
    )
    hours = copies * month
    yield Item(
        "storage",
        f"PostgreSQL: {database.instance_class} × {copies}",
        hours,
        "hours",
        hours * prices.of("hour", database.instance_class),
        True,
    )
    disks = brokers * kafka.volume_gb
    yield Item("storage", "disks of Kafka", disks, "GB", disks * prices.of("gb_month", "kafka"), True)
    disks = copies * database.storage_gb
    yield Item("storage", "disks of PostgreSQL", disks, "GB", disks * prices.of("gb_month", "database"), True)
    yield Item("storage", "keys", KEYS, "keys", KEYS * prices.of("month", "kms-key"), True)
    yield Item("storage", "secrets", SECRETS, "secrets", SECRETS * prices.of("month", "secret"), True)
    yield Item("monitoring", "alarms", ALARMS, "alarms", ALARMS * prices.of("month", "alarm"), True)


def _kept(usage: Usage, prices: Prices) -> Iterator[Item]:
    kept = usage.kept_gb
    for what, name, size in (
        ("buckets", "s3", kept.s3),
        ("their copies in the second region", "s3-replica", kept.s3),
        ("images, in both regions", "ecr", 2 * kept.ecr),
        ("volumes of pods", "gp3", kept.volumes),
    ):
        yield Item("storage", what, size, "GB", size * prices.of("gb_month", name), False)


def _read(kind: type[_Read], file: Path) -> _Read:
    try:
        text = file.read_text(encoding="utf-8")
        table = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        return kind.model_validate(table)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        raise BadInputError(f"{file}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
    except ValueError as error:
        raise BadInputError(f"{file}: {error}") from error
