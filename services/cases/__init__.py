"""The cases: letters, findings, deadlines, evidence and the reply report, as events."""
