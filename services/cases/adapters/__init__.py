"""The cases' edges: records in the event store, evidence on disk, other services' events."""
