"""What can be said of terraform/ by reading it; what Terraform itself says is in test_terraform_run.py."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.cli.estimate import ALARMS, KEYS, SECRETS, ZONES, items, read_environment, read_prices
from hidden_gems.events.topics import TOPICS
from hidden_gems.streaming.kafka import TOPIC_SECONDS
from tests.terraform import ROOT, folders

MODULES = [folder for folder in folders() if folder.parent.name == "modules"]
ENVIRONMENTS = [ROOT / "environments" / name for name in ("staging", "production")]
ROOTS = [*ENVIRONMENTS, ROOT / "environments" / "bootstrap"]
TABLES = runpy.run_path(str(ROOT / "tables.py"))


def named(folders: list[Path]) -> Any:
    return pytest.mark.parametrize("folder", folders, ids=lambda folder: folder.name)


def settings(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "terraform.tfvars.json").read_text())
    return found


@named([*MODULES, *ROOTS])
def test_a_folder_has_its_files_a_current_readme_and_a_test_that_refuses(folder: Path) -> None:
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"} <= {
        file.name for file in folder.iterdir()
    }
    readme = (folder / "README.md").read_text()
    assert TABLES["with_tables"](readme, folder) == readme, "run: python terraform/tables.py"
    tests = "".join(file.read_text() for file in folder.glob("tests/*.tftest.hcl"))
    assert "mock_provider" in tests
    assert "expect_failures" in tests
    assert tests.count("assert {") >= 2


@named([*MODULES, *ROOTS])
def test_every_input_has_a_type_and_words_and_every_output_words(folder: Path) -> None:
    for kind in ("variable", "output"):
        for name, body in TABLES["blocks"](folder, kind):
            assert len(TABLES["attribute"](body, "description") or "") > 12, name
            assert kind == "output" or TABLES["attribute"](body, "type"), name


def test_tables_notice_a_changed_input(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        'variable "size" {\n  description = "How large."\n'
        "  type = object({\n    a = number\n    b = optional(string)\n  })\n"
        '  default = {}\n\n  validation {\n    condition = true\n    error_message = "x"\n  }\n}\n'
    )
    made = TABLES["with_tables"]("# title\n", tmp_path)
    assert "| `size` | How large. | `object({a = number, b = optional(string)})` | `{}` |" in made
    assert TABLES["with_tables"](made, tmp_path) == made
    (tmp_path / "variables.tf").write_text('variable "size" {\n  description = "How small."\n  type = number\n}\n')
    assert "| `size` | How small. | `number` | needed |" in TABLES["with_tables"](made, tmp_path)


def test_environments_differ_by_their_settings_alone() -> None:
    staging, production = ENVIRONMENTS
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf"):
        assert (staging / name).read_text().replace("staging", "production") == (production / name).read_text()
    assert settings(staging).keys() == settings(production).keys()
    assert settings(staging)["settings"].keys() == settings(production)["settings"].keys()
    assert settings(staging)["settings"]["network"]["cidr"] != settings(production)["settings"]["network"]["cidr"]


def test_every_setting_is_used() -> None:
    used = set(re.findall(r"var\.settings\.(\w+)", (ENVIRONMENTS[0] / "main.tf").read_text()))
    assert set(settings(ENVIRONMENTS[0])["settings"]) == used


def test_roots_share_one_lock_and_lock_their_state() -> None:
    assert len({(folder / ".terraform.lock.hcl").read_text() for folder in ROOTS}) == 1
    for folder in ROOTS:
        versions = (folder / "versions.tf").read_text()
        assert "use_lockfile = true" in versions
        assert "encrypt      = true" in versions


def test_nothing_is_let_in_from_everywhere() -> None:
    for file in ROOT.glob("*/*/*.tf"):
        for block in re.findall(
            r'^resource "aws_\w*security_group\w*" .*?^\}', file.read_text(), re.MULTILINE | re.DOTALL
        ):
            assert "0.0.0.0/0" not in block, file
            assert "::/0" not in block, file
        assert "map_public_ip_on_launch" not in file.read_text()


def test_a_check_that_is_skipped_has_a_reason() -> None:
    skips = [
        line.strip()
        for file in ROOT.glob("*/*/*.tf")
        for line in file.read_text().splitlines()
        if "checkov:skip" in line
    ]
    assert skips
    assert [line for line in skips if not re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:.{30,}", line)] == []


def test_rights_name_our_topics_and_messages_stay_as_long_as_we_say() -> None:
    identity = (ROOT / "modules" / "identity" / "main.tf").read_text()
    assert set(re.findall(r'"([a-z_]+\.v\d+)"', identity)) == set(TOPICS)
    streaming = (ROOT / "modules" / "streaming" / "main.tf").read_text()
    assert f"log.retention.hours={TOPIC_SECONDS // 3_600:.0f}" in streaming


def test_the_plans_budget_is_the_sum_of_its_parts() -> None:
    budget = settings(ENVIRONMENTS[1])["settings"]["budget_usd"]
    assert budget == {"training": 2000, "serving": 1500, "storage": 500, "monitoring": 300}


@named(ENVIRONMENTS)
def test_everything_that_is_applied_has_a_price_and_fits_the_budget(folder: Path) -> None:
    environment, usage = read_environment(folder)
    lines = items(environment, usage, read_prices(environment.region))
    for part, budget in environment.settings.budget_usd.items():
        assert 0 < sum(line.usd for line in lines if line.part == part) <= budget, part
    for name, group in environment.settings.node_groups.items():
        found = [line for line in lines if line.what.startswith(f"{name}: ")]
        assert found or not group.desired, name
        assert {line.part for line in found} <= {group.part}


def test_what_is_counted_for_the_bill_is_what_the_modules_make() -> None:
    text = {
        name: "".join(file.read_text() for file in (ROOT / "modules" / name).glob("*.tf"))
        for name in ("cache", "network")
    }
    identity = (ROOT / "modules" / "identity" / "variables.tf").read_text()
    names = re.findall(r'^    (\w+) += "', identity[identity.index('variable "secrets"') :], re.MULTILINE)
    assert len(names) + text["cache"].count('resource "aws_secretsmanager_secret" ') == SECRETS
    default = dict(TABLES["blocks"](ROOT / "modules" / "network", "variable"))["zones"]
    assert TABLES["attribute"](default, "default") == str(ZONES)
    watched = (ROOT / "modules" / "observability" / "main.tf").read_text()
    whole = watched[watched.index("whole = {") : watched.index("alarms = merge")]
    nodes = settings(ENVIRONMENTS[1])["settings"]["cache"]["nodes"]
    assert ZONES + 2 * nodes + len(re.findall(r"^    [a-z-]+ = \{", whole, re.MULTILINE)) == ALARMS
    composed = [(ROOT / "modules" / name / "main.tf").read_text() for name in ("platform", "replica")]
    assert sum(file.count('"../encryption"') for file in composed) == KEYS


def test_the_manifests_get_every_key_they_take() -> None:
    examples = sorted((ROOT.parent / "manifests").glob("apps/*/cluster/cluster-config.env"))
    assert len(examples) == 3
    outputs = (ROOT / "modules" / "platform" / "outputs.tf").read_text()
    given = re.findall(r'\["([A-Z_]+)", ', outputs)
    for file in examples:
        assert re.findall(r"^([A-Z_]+)=", file.read_text(), re.MULTILINE) == given, file
