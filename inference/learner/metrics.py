"""What the learner tells about itself."""

from inference.shell.exported import counter, gauge, histogram

MESSAGES = counter("gems_learner_messages_total")
BATCH_SECONDS = histogram("gems_learner_batch_seconds", (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0))
LAG = gauge("gems_learner_lag_messages")
AGE = gauge("gems_learner_applied_age_seconds")
STATE_VERSION = gauge("gems_online_state_version")
EFFECT_SECONDS = histogram(
    "gems_feedback_to_effect_seconds",
    (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0),
)
SNAPSHOT_VERSION = gauge("gems_learner_snapshot_version")
WINDOW_SLATES = gauge("gems_online_window_slates")
REWARD = gauge("gems_online_reward_per_slate")
CTR = gauge("gems_online_ctr")
ANSWERED = gauge("gems_online_feedback_share")
VERDICT = gauge("gems_online_verdict")
RETURNS = counter("gems_online_returns_total")
DRIFT_EVENTS = counter("gems_drift_events_total")
DAMAGED_SNAPSHOTS = gauge("gems_learner_damaged_snapshots")
ACTIVE = gauge("gems_learner_active")
