"""Pipes and callers' own SQL, answered."""
