"""The monitor: telemetry in, quality flags, series, rules, warnings out."""
