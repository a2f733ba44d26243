"""Gives a reply report its look: Word, or Markdown."""
