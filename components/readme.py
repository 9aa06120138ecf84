"""Write the README.md of every component from its docstring: `python -m components.readme`."""

import importlib
from pathlib import Path
from typing import Any

from docstring_parser import parse

ROOT = Path(__file__).parent


def components() -> dict[Path, Any]:
    """Every component by its folder."""
    return {
        path.parent: getattr(
            importlib.import_module(".".join(["components", *path.parent.relative_to(ROOT).parts, "component"])),
            path.parent.name,
        )
        for path in sorted(ROOT.glob("*/*/component.py"))
    }


def render(component: Any) -> str:
    """Markdown of one component: what it does, inputs, outputs.

    Args:
        component: What `dsl.component` made.
    """
    specification = component.component_spec
    told = described(component)
    lines = [f"# {specification.name.replace('-', ' ')}", "", f"{component.description or ''}".strip(), ""]
    for title, ports in (("Inputs", specification.inputs), ("Outputs", specification.outputs)):
        lines += [f"## {title}", "", "| name | type | default | what |", "|---|---|---|---|"]
        for name, port in (ports or {}).items():
            default = "" if getattr(port, "default", None) is None else f"`{port.default!r}`"
            about = told.get(name, "")
            lines.append(f"| `{name}` | {port.type.removesuffix('@0.0.1')} | {default} | {about} |")
        lines.append("")
    lines.append("Made from the docstring of `component.py` by `python -m components.readme`.")
    return "\n".join(lines) + "\n"


def described(component: Any) -> dict[str, str]:
    """What the docstring says about each port, `Output` for what is returned; KFP itself drops it for artifacts."""
    docstring = parse(component.python_func.__doc__)
    told = {param.arg_name: " ".join((param.description or "").split()) for param in docstring.params}
    return told | ({"Output": " ".join((docstring.returns.description or "").split())} if docstring.returns else {})


def main() -> None:
    """Write them all."""
    for folder, component in components().items():
        (folder / "README.md").write_text(render(component))
        print(folder / "README.md")


if __name__ == "__main__":
    main()
