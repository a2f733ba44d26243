"""The monitor's edges: where its readings are kept."""
