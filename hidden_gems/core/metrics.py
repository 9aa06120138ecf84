"""Names of everything the processes count: one home, so that who exports, who alerts and who draws agree.

Names are as Prometheus shows them: counters end with `_total`, a histogram has `_bucket`, `_sum` and `_count` behind
its name. What makes them stands in `inference.shell.exported`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of its samples.

        Examples:
            >>> Metric("gems_wait_seconds", "histogram", "Time").samples
            ('gems_wait_seconds_bucket', 'gems_wait_seconds_sum', 'gems_wait_seconds_count')
        """
        if self.kind != "histogram":
            return (self.name,)
        return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))


_TABLE = (
    # every server
    Metric("gems_errors_total", "counter", "Requests answered with an error", ("protocol", "code")),
    Metric("gems_part_seconds", "histogram", "Time a part took to answer", ("part",)),
    Metric("gems_part_failures_total", "counter", "Calls a part did not answer", ("part", "reason")),
    Metric("gems_breaker_open", "gauge", "1 while calls to a part are skipped", ("part",)),
    Metric("gems_release_info", "gauge", "1 for the release that answers, 0 for those before", ("version",)),
    Metric("gems_release_refused_total", "counter", "Pointed releases that were not loaded"),
    Metric("gems_state_version", "gauge", "Version of the online state that answers"),
    Metric("gems_ready", "gauge", "1 once a process without a door of its own does its work"),
    # transformer
    Metric("gems_stage_seconds", "histogram", "Time of one stage of an answer", ("stage",)),
    Metric("gems_answers_total", "counter", "Slates by policy", ("policy",)),
    Metric("gems_degraded_total", "counter", "Slates for which a part was answered by a fallback", ("part",)),
    Metric("gems_explanations_total", "counter", "Explanations by detail", ("detail",)),
    Metric(
        "gems_narratives_total", "counter", "Texts a language model was wished for, by what came of it", ("outcome",)
    ),
    Metric("gems_drawn_places_total", "counter", "Places of slates that were drawn", ("variant",)),
    Metric(
        "gems_explored_places_total",
        "counter",
        "Drawn places whose gem is not the one of largest mean utility among those that might have stood there",
        ("variant",),
    ),
    Metric("gems_constraints_total", "counter", "Drawn places that a rule of re-ranking changed", ("rule",)),
    Metric("gems_business_file_refused", "gauge", "1 while the business file that lies there is not obeyed"),
    Metric("gems_spool_pending", "gauge", "Slates that wait for the broker"),
    Metric("gems_spool_dropped", "gauge", "Slates that were lost"),
    # collector
    Metric(
        "gems_collector_events_total",
        "counter",
        "Events by outcome; unsigned ones are accepted too.",
        ("outcome",),
    ),
    Metric("gems_collector_accepted_total", "counter", "Accepted events by type", ("type",)),
    Metric("gems_collector_rejections_total", "counter", "Rejected events by reason.", ("reason",)),
    Metric(
        "gems_collector_store_skipped_total",
        "counter",
        "Lists whose events were taken although the key-value store did not answer, by what was left out.",
        ("what",),
    ),
    Metric("gems_collector_refused_total", "counter", "Calls answered 503.", ("why",)),
    Metric("gems_collector_waiting_events", "gauge", "Events in hand: let in, and not written yet."),
    Metric("gems_collector_request_seconds", "histogram", "Time until POST /v1/events was answered.", ("status",)),
    Metric("gems_collector_send_seconds", "histogram", "Time until the broker acknowledged."),
    # learner
    Metric("gems_learner_messages_total", "counter", "Messages by what became of them", ("outcome",)),
    Metric(
        "gems_learner_batch_seconds",
        "histogram",
        "Time from the arrival of a micro-batch to the end of its effects",
    ),
    Metric("gems_learner_lag_messages", "gauge", "Messages that wait at the broker"),
    Metric(
        "gems_learner_applied_age_seconds",
        "gauge",
        "Age of the newest feedback of the last batch when it had its effect",
    ),
    Metric("gems_online_state_version", "gauge", "Version of the online state"),
    Metric(
        "gems_feedback_to_effect_seconds",
        "histogram",
        "Time from the collector's receipt of an event to its effect on the next answer, one observation an event",
    ),
    Metric("gems_learner_snapshot_version", "gauge", "Version of the last snapshot of the state"),
    Metric("gems_learner_damaged_snapshots", "gauge", "Snapshots that were dropped since the start, as unreadable"),
    Metric("gems_learner_active", "gauge", "1 while this learner may write, 0 while it stands by"),
    Metric("gems_online_window_slates", "gauge", "Slates in the window of the watch", ("variant",)),
    Metric("gems_online_reward_per_slate", "gauge", "Mean reward of a slate in the window", ("variant",)),
    Metric(
        "gems_online_ctr",
        "gauge",
        "Share of shown places in the window that were answered by a click or better",
        ("variant",),
    ),
    Metric(
        "gems_online_feedback_share", "gauge", "Share of slates in the window with any signed feedback", ("variant",)
    ),
    Metric(
        "gems_online_verdict",
        "gauge",
        "1 for what the watch says of online against the release alone: not watched, filling, good, unclear, below",
        ("verdict",),
    ),
    Metric(
        "gems_online_returns_total",
        "counter",
        "Times online was below: done where the state went back to a good version, nowhere where none can be reached",
        ("outcome",),
    ),
    Metric("gems_drift_events_total", "counter", "People whose taste was found to have changed"),
    # archiver
    Metric("gems_archiver_rows_total", "counter", "Rows written", ("table",)),
    Metric("gems_archiver_files_total", "counter", "Files written", ("table",)),
    Metric("gems_archiver_dead_letters_total", "counter", "Messages that could not be read"),
    Metric("gems_archiver_waiting_rows", "gauge", "Rows in memory"),
    Metric("gems_archiver_lag_messages", "gauge", "Messages that wait at the broker"),
    Metric("gems_archiver_erased_rows_total", "counter", "Rows left out because their person was erased after them"),
    Metric("gems_archiver_forgotten_total", "counter", "People whom a store here has forgotten", ("store",)),
)
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""All of them by name."""
