"""What keeps a service operable: health, metrics, figures, traces. Nothing here starts by being imported."""
