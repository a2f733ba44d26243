"""The notifier's edges: the desk on PostgreSQL, other services' events, channels and providers."""
