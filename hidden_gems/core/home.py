"""Where state lives on this machine."""

import os
from pathlib import Path


def gems_home() -> Path:
    """`GEMS_HOME`, or `.gems` in the current folder; not created here."""
    return Path(os.environ.get("GEMS_HOME", ".gems")).absolute()
