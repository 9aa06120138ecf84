"""What the learner tells about itself."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("gems_learner_messages", "Messages by what became of them", ["outcome"])
BATCH_SECONDS = Histogram(
    "gems_learner_batch_seconds",
    "Time from the arrival of a micro-batch to the end of its effects",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
LAG = Gauge("gems_learner_lag_messages", "Messages that wait at the broker")
AGE = Gauge("gems_learner_applied_age_seconds", "Age of the newest feedback of the last batch when it had its effect")
STATE_VERSION = Gauge("gems_online_state_version", "Version of the online state")
EFFECT_SECONDS = Histogram(
    "gems_feedback_to_effect_seconds",
    "Time from the collector's receipt of an event to its effect on the next answer, one observation an event",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0),
)
SNAPSHOT_VERSION = Gauge("gems_learner_snapshot_version", "Version of the last snapshot of the state")
DAMAGED_SNAPSHOTS = Gauge(
    "gems_learner_damaged_snapshots", "Snapshots that were dropped since the start, as unreadable"
)
ACTIVE = Gauge("gems_learner_active", "1 while this learner may write, 0 while it stands by")
