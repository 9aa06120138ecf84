"""What the tests of several rooms share, built once a session."""

from collections.abc import Iterator

import pytest

from tests.integration.chain import Chain, built


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GEMS_FEATURE_REPO", "feature_repo")
        environment.setenv("GEMS_PSEUDONYM_KEY", "test")
        with built(tmp_path_factory.mktemp("chain")) as made:
            yield made
