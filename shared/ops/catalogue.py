"""Everything that is measured. The table in ``deploy/OPERATIONS.md`` says the same; a test compares them.

Labels are few by design: commands, channels' kinds, levels, consumers; never ponds, sensors or people.
"""

from __future__ import annotations

from typing import Final

from shared.ops.meters import Counter, Gauge, Histogram, Meter

__all__ = [
    "BATCHES", "BLIND", "COMMANDS", "COMMAND_SECONDS", "CONSUMED", "DEAD_LETTERS", "DELIVERIES", "DELIVERY_SECONDS",
    "EVENTS", "FIGURES_SKIPPED", "LAG", "LOOP_LAG", "METERS", "OUTBOX", "PONDS", "PUBLISH_TO_STORE",
    "PUBLISH_TO_WARNING", "READINGS", "READINGS_TAKEN", "READY", "RELAY_LAG", "RELAY_SECONDS", "WARNINGS_OPEN",
]  # fmt: skip

_SLOW: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)
_COMMAND: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 4.5)
_MONITOR: Final = ("monitor",)
_NOTIFIER: Final = ("notifier",)

READY: Final = Gauge("tailwarden_ready", "1 when a condition of /readyz holds, 0 when it does not.", labels=["check"])
LOOP_LAG: Final = Gauge(
    "tailwarden_event_loop_lag_seconds",
    "The worst of the last ten seconds: how late the event loop came back from a sleep of a second.",
)
READINGS_TAKEN: Final = Counter(
    "tailwarden_readings_taken_total", "Readings found in messages that were taken.", services=_MONITOR
)
READINGS: Final = Counter(
    "tailwarden_readings_total",
    "Readings by what became of them: stored, duplicate, refused, missing (the logger had no value).",
    labels=["outcome"],
    services=_MONITOR,
)
BATCHES: Final = Counter("tailwarden_batches_total", "Batches of telemetry committed.", services=_MONITOR)
PUBLISH_TO_STORE: Final = Histogram(
    "tailwarden_publish_to_store_seconds",
    "From JetStream's receipt of a message until its readings were committed; up to 16 messages of a batch stand for"
    " all of it.",
    buckets=_SLOW,
    services=_MONITOR,
    recent=True,
)
PUBLISH_TO_WARNING: Final = Histogram(
    "tailwarden_publish_to_warning_seconds",
    "From JetStream's receipt of the message that led to a warning (raised or escalated) until its event stood in"
    " EVENTS.",
    buckets=_SLOW,
    services=_MONITOR,
    recent=True,
)
LAG: Final = Gauge(
    "tailwarden_consumer_lag_messages", "Messages that wait for a consumer of this service.", labels=["consumer"]
)
DEAD_LETTERS: Final = Counter(
    "tailwarden_dead_letters_total", "Messages this process buried in DEAD.", labels=["consumer"]
)
EVENTS: Final = Counter("tailwarden_events_appended_total", "Events in this service's store (its last position).")
RELAY_LAG: Final = Gauge("tailwarden_relay_lag_events", "Events stored and not yet published.")
RELAY_SECONDS: Final = Histogram(
    "tailwarden_relay_seconds", "From an event's recording until JetStream had it.", buckets=_SLOW
)
CONSUMED: Final = Counter(
    "tailwarden_events_consumed_total",
    "Events heard, by consumer and outcome: handled, waiting (tried again), failed (tried again), buried.",
    labels=["consumer", "outcome"],
)
COMMANDS: Final = Counter(
    "tailwarden_commands_total",
    "Commands answered, by name and outcome: done, refused, unavailable, fault.",
    labels=["command", "outcome"],
)
COMMAND_SECONDS: Final = Histogram(
    "tailwarden_command_seconds", "How long commands took.", buckets=_COMMAND, labels=["command"]
)
WARNINGS_OPEN: Final = Gauge(
    "tailwarden_warnings_open", "Warnings of real ponds that nobody has closed, by level.", labels=["level"],
    services=_MONITOR,
)  # fmt: skip
BLIND: Final = Gauge("tailwarden_ponds_blind", "Real ponds with a silent sensor now.", services=_MONITOR)
PONDS: Final = Gauge("tailwarden_ponds_monitored", "Real ponds the monitor follows.", services=_MONITOR)
DELIVERIES: Final = Counter(
    "tailwarden_deliveries_total",
    "Messages handed to providers, by the channel's kind and outcome: succeeded, failed, uncertain (may have got"
    " through).",
    labels=["kind", "outcome"],
    services=_NOTIFIER,
)
DELIVERY_SECONDS: Final = Histogram(
    "tailwarden_decision_to_delivery_seconds",
    "From the decision to tell somebody until a provider had the message.",
    buckets=_SLOW,
    services=_NOTIFIER,
)
OUTBOX: Final = Gauge(
    "tailwarden_outbox_waiting", "Messages to people that wait or are being sent.", services=_NOTIFIER
)
FIGURES_SKIPPED: Final = Counter(
    "tailwarden_figures_skipped_total", "Times the figures could not be written (the database was away)."
)

METERS: Final[tuple[Meter, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Meter))
