"""The notifier: warnings reach people, and what each person did about them can be proved."""
