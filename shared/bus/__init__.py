"""NATS as the product uses it: connections, streams, events, commands with answers, dead letters."""
