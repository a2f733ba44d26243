"""Published language: what services say to each other and to the outside. Versioned; no business rules."""
