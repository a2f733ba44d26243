"""Measurements of speed, each beside its baseline in the same run: what `tailwarden bench` runs."""
