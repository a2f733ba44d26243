"""The services of tailwarden; each is a process of its own and none imports another."""
