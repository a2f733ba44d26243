"""Writes the reply report from what is on record: pure, no clock, no bus, no database."""
