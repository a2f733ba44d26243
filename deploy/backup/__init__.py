"""Backup and restore of a whole system: one archive that moves between machines, and between databases."""
