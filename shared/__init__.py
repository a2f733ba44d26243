"""What every service shares: contracts, event store, bus, settings, clock. No business rules."""
