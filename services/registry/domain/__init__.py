"""The registry's pure core: a pond's life as commands, events and state."""

from services.registry.domain.pond import Asked, Pond, PondCommand, PondState, Unregistered, decide, evolve

__all__ = ["Asked", "Pond", "PondCommand", "PondState", "Unregistered", "decide", "evolve"]
