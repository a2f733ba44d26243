"""The registry: ponds, their sensors and their limits, as events."""
