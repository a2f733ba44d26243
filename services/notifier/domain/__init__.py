"""The notifier's pure core: who is told what, when, and what is proved of it."""
