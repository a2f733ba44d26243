"""The dashboards, written once and emitted in Chinese and English: each says what it shows, ``draw`` says how."""
