"""Partitions that the group assigns: claimed, recovered and looked at, beside the reading."""
