"""What an operator does to events that are under way or stored: verify, replay, offsets, tokens."""
