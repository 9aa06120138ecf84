"""Tell the registry."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def register_release(
    release_uri: str, releases_uri: str, mlflow_uri: str, registration: dsl.Output[dsl.Markdown]
) -> str:
    """Register a release in MLflow: a run with its figures, a model version, and the alias `candidate` if it passed.

    A release that passed becomes `stable` where there is no stable one yet; later ones wait for a rollout.

    Args:
        release_uri: Output of `build_release`.
        releases_uri: Folder of the releases of this dataset, any fsspec address.
        mlflow_uri: Tracking address.
        registration: Run, version and alias for people.

    Returns:
        Folder of the release.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from hidden_gems.core.addresses import here
    from hidden_gems.steps.registry import register

    with TemporaryDirectory() as scratch:
        registered = register(here(release_uri, Path(scratch)), releases_uri, mlflow_uri)
    Path(registration.path).write_text(registered.markdown())
    return release_uri
