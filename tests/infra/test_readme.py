import re
from pathlib import Path

from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_two_commands_exist_and_ci_calls_the_test_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "check", "mutants", "clean", "setup"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_link_and_room_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    rooms = re.findall(r"^\| `([a-z_/]+)`", README, re.MULTILINE)
    assert links
    assert len(rooms) >= 15
    assert [path for path in (*links, *rooms) if not (ROOT / path).exists()] == []
    packages = {path.name for path in (ROOT / "hidden_gems").iterdir() if (path / "__init__.py").exists()}
    assert packages == {Path(room).name for room in rooms if room.startswith("hidden_gems/")}


def test_every_command_it_shows_is_one_of_ours() -> None:
    shown = set(re.findall(r"gems ([a-z-]+(?: (?:check|compile))?)", README))
    assert len(shown) > 10
    for command in shown:
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0, f"gems {command}: {done.output}"
