"""Other ways to get the same events into the same table."""
