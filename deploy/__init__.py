"""How tailwarden is run: on one machine, as a demo, in production."""
