"""Check a dataset folder before anything trains on it."""

from kfp import dsl

from components.images import TRAIN


@dsl.component(base_image=TRAIN, install_kfp_package=False)
def validate_data(
    dataset_uri: str,
    timezone: str,
    max_rejected_share: float,
    checked: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.Markdown],
) -> str:
    """Read a dataset folder, set bad rows aside, and stop when there are too many of them.

    Args:
        dataset_uri: Folder with the files of the dataset contract, any fsspec address.
        timezone: IANA name of the time zone that local hours are read with.
        max_rejected_share: Largest share of bad rows in one file that is still accepted, 0 to 1.
        checked: The accepted rows with pseudonyms for people, and the rejected ones with their reasons beside them.
        metrics: Rows of each table, rejected rows and their share, duplicates.
        report: The same for people, with what is missing and the five most frequent reasons.

    Returns:
        Fingerprint of the accepted rows.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from hidden_gems.core.addresses import here
    from hidden_gems.core.home import gems_home
    from hidden_gems.core.ids import Pseudonyms
    from hidden_gems.datasets.validation import check_folder

    with TemporaryDirectory() as scratch:
        result = check_folder(
            here(dataset_uri, Path(scratch)),
            timezone=timezone,
            max_rejected_share=max_rejected_share,
            pseudonyms=Pseudonyms.load(gems_home()),
        )
        result.write(Path(checked.path))
    for name, value in result.counts().items():
        metrics.log_metric(name, value)
    Path(report.path).write_text(result.markdown(), encoding="utf-8")
    return result.dataset.about.fingerprint
