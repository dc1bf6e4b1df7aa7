"""From shapes to the statements that make them: tables, the door that messages come in by, and the views behind it."""
