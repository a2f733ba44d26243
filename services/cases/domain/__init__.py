"""The cases' pure core: letters and findings as commands, events and states."""
