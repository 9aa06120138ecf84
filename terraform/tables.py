"""Write the tables of inputs and outputs into every README of this folder, out of the .tf files beside it.

    python terraform/tables.py           # write
    python terraform/tables.py --check   # say which are not current, and end with 1

It reads what `terraform fmt` leaves: a block begins and ends at the left margin, its attributes stand two further in.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
BEGIN, END = "<!-- begin of tables: python terraform/tables.py -->", "<!-- end of tables -->"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def folders() -> list[Path]:
    """Modules and environments: every folder that has variables or outputs of its own."""
    return sorted({file.parent for name in ("variables.tf", "outputs.tf") for file in HERE.glob(f"*/*/{name}")})


def attribute(body: str, name: str) -> str | None:
    """An attribute of a block as it is written, on one line; None where it is not set."""
    found = re.search(rf"^  {name} += (.*?)(?=^  \w|^\n|\Z)", body, re.MULTILINE | re.DOTALL)
    if found is None:
        return None
    text = ", ".join(re.sub(r" +", " ", line.strip()) for line in found.group(1).strip().splitlines())
    return re.sub(r"([({\[]), ", r"\1", re.sub(r",* ([)}\]])", r"\1", text)).replace(",,", ",")


def blocks(folder: Path, kind: str) -> list[tuple[str, str]]:
    """Names and bodies of a folder's variables or outputs, in the order of the file."""
    text = (folder / f"{kind}s.tf").read_text(encoding="utf-8") if (folder / f"{kind}s.tf").exists() else ""
    return [(name, body) for found, name, body in _BLOCK.findall(text) if found == kind]


def tables(folder: Path) -> str:
    """Both tables in Markdown."""
    lines = [BEGIN, "", "| input | what | type | default |", "|---|---|---|---|"]
    for name, body in blocks(folder, "variable"):
        default = attribute(body, "default")
        given = "needed" if default is None else _code(default)
        lines.append(f"| `{name}` | {_text(body)} | {_code(attribute(body, 'type'))} | {given} |")
    lines += ["", "| output | what |", "|---|---|"]
    lines += [f"| `{name}` | {_text(body)} |" for name, body in blocks(folder, "output")]
    return "\n".join([*lines, "", END])


def with_tables(readme: str, folder: Path) -> str:
    """A README with its tables made anew; they go to its end where there are none yet."""
    made = tables(folder)
    if BEGIN not in readme:
        return f"{readme.rstrip()}\n\n{made}\n"
    before, rest = readme.split(BEGIN, 1)
    return before + made + rest.split(END, 1)[1]


def main(check: bool) -> int:
    """Write, or compare; gives the exit code."""
    stale = []
    for folder in folders():
        file = folder / "README.md"
        old = file.read_text(encoding="utf-8")
        new = with_tables(old, folder)
        if new != old:
            stale.append(str(file.relative_to(HERE)))
            if not check:
                file.write_text(new, encoding="utf-8")
    if stale:
        print(("not current: " if check else "written: ") + ", ".join(stale))
    return int(check and bool(stale))


def _text(body: str) -> str:
    return (attribute(body, "description") or "").strip('"').replace("|", "\\|")


def _code(text: str | None) -> str:
    return f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
