"""From a raw message to a row: the door that messages come in by, and the SQL of the views behind it."""
