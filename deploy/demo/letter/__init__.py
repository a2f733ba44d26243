"""The letter's story: its data, its script, and the player that enters it into a running system."""
