"""The cases' commands: judge what needs other records, let the domain decide, answer."""
