"""The demonstration: a few ponds of our own making, a storm, and the warnings that must come of it."""
