from pathlib import Path

import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.steps.packing import Parts, build_release


def test_a_release_for_an_address_is_made_somewhere_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parts = Parts(**dict.fromkeys(("checked", "models", "ranker", "evaluation", "page", "decision"), tmp_path))
    with pytest.raises(BadInputError, match=r"a release for memory://releases is made in a folder of this machine"):
        build_release(parts, "memory://releases", "127.0.0.1:1", 0)
    assert list(tmp_path.iterdir()) == []
