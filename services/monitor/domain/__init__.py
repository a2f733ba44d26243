"""The monitor's rules without clock, I/O, numpy or bus."""
