"""The console command, one module per part of the product, each with ``register(app)``."""
