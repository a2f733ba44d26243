"""Where the registry meets the event store."""
