import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.estimate import items, read_environment, read_prices
from hidden_gems.core.errors import BadInputError

USAGE = """
[node_hours]
night = 100
[kept_gb]
s3 = 10
ecr = 5
volumes = 0
[moved_gb]
nat = 50
logs = 2
"""


def group(**more: Any) -> dict[str, Any]:
    usual = {"instance_types": ["c6i.xlarge"], "part": "serving", "capacity": "ON_DEMAND", "desired": 2, "disk_gb": 100}
    return usual | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    night = group(instance_types=["g4dn.xlarge", "g5.xlarge"], part="training", capacity="SPOT", desired=0, disk_gb=0)
    settings = {
        "budget_usd": {"training": 30, "serving": 2000, "storage": 100, "monitoring": 10},
        "network": {"nat_gateways": 1, "interface_endpoints": ["sts"]},
        "node_groups": {"day": group(), "night": night},
        "kafka": {"instance_type": "kafka.t3.small", "brokers_per_zone": 2, "volume_gb": 10},
        "cache": {"node_type": "cache.t4g.small", "nodes": 2},
        "database": {"instance_class": "db.t4g.micro", "storage_gb": 20, "multi_az": True},
    }
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps({"region": "eu-central-1", "settings": settings}))
    (tmp_path / "usage.toml").write_text(USAGE)
    return tmp_path


def change(folder: Path, old: str, new: str, file: str = "terraform.tfvars.json") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def bill(folder: Path) -> dict[str, float]:
    environment, usage = read_environment(folder)
    return {line.what: line.usd for line in items(environment, usage, read_prices(environment.region))}


def asked(folder: Path, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["cost", "--env", "staging", "--terraform", str(folder), "--json", *more])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_line_is_quantity_times_price(folder: Path) -> None:
    found = bill(folder)
    assert found["day: c6i.xlarge × 2"] == pytest.approx(2 * (730 * 0.194 + 100 * 0.0952))
    assert found["night: g4dn.xlarge spot, when needed"] == pytest.approx(100 * 0.658 * 0.45)
    assert found["Kafka: kafka.t3.small × 6"] == pytest.approx(6 * 730 * 0.0547)
    assert found["disks of Kafka"] == pytest.approx(6 * 10 * 0.119)
    assert found["PostgreSQL: db.t4g.micro × 2"] == pytest.approx(2 * 730 * 0.019)
    assert found["interface endpoints, by zone"] == pytest.approx(3 * 730 * 0.012)
    assert found["images, in both regions"] == pytest.approx(2 * 5 * 0.10)
    assert found["moved: nat"] == pytest.approx(50 * 0.052)


def test_a_group_at_zero_costs_nothing_until_somebody_says_it_is_used(folder: Path) -> None:
    change(folder, "night = 100", "", "usage.toml")
    assert not [what for what in bill(folder) if what.startswith("night")]


def test_sums_are_those_of_the_lines(folder: Path) -> None:
    found = asked(folder, "--requests-per-second", "5")
    lines = found["items"]
    assert found["total_usd"] == pytest.approx(sum(line["usd"] for line in lines))
    serving = sum(line["usd"] for line in lines if line["part"] == "serving")
    assert found["parts"]["serving"] == {"usd": pytest.approx(serving), "budget_usd": 2000}
    assert found["usd_per_1000"]["serving"] == pytest.approx(serving / (5 * 3.6 * 730))
    assert found["hourly_usd"] == pytest.approx(sum(line["usd"] for line in lines if line["runs"]) / 730)
    assert not any(line["runs"] for line in lines if "when needed" in line["what"])


def test_twice_the_traffic_halves_the_price_of_a_thousand(folder: Path) -> None:
    once, twice = (asked(folder, "--requests-per-second", rate)["usd_per_1000"]["all"] for rate in ("10", "20"))
    assert once == pytest.approx(2 * twice)


def test_people_read_what_is_over_its_budget_and_how_old_the_prices_are(folder: Path) -> None:
    change(folder, '"training": 30', '"training": 20')
    done = CliRunner().invoke(app, ["cost", "--env", "staging", "--terraform", str(folder)], env={"COLUMNS": "140"})
    assert done.exit_code == 0
    assert "Over its budget: training." in done.stdout
    assert f"List prices of {read_prices('eu-central-1').dated}" in done.stdout
    assert "(assumed)" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("terraform.tfvars.json", "eu-central-1", "us-west-9", "no prices of region 'us-west-9', only of eu-central-1"),
        (
            "terraform.tfvars.json",
            "kafka.t3.small",
            "kafka.m5.huge",
            "no price of 'kafka.m5.huge' in eu-central-1.hour",
        ),
        (
            "terraform.tfvars.json",
            '"nodes": 2',
            '"nodes": "two"',
            "settings.cache.nodes: Input should be a valid integer",
        ),
        ("usage.toml", "night", "weekend", "node_hours of weekend, which terraform.tfvars.json does not have"),
        ("usage.toml", "s3 = 10", "s3 = ten", "usage.toml: Invalid value"),
        ("usage.toml", "nat = 50", "pigeons = 50", "no price of 'pigeons' in eu-central-1.gb"),
    ],
)
def test_what_cannot_be_priced_is_named(folder: Path, file: str, old: str, new: str, words: str) -> None:
    change(folder, old, new, file)
    with pytest.raises(BadInputError) as caught:
        bill(folder)
    assert words in str(caught.value)


def test_without_a_checkout_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["cost", "--env", "production"])
    assert isinstance(done.exception, BadInputError)
    assert str(done.exception).startswith("terraform/environments/production/terraform.tfvars.json is not there")
    assert "--terraform" in str(done.exception)
