"""What Birdhouse does in a second, measured beside its rivals on one machine."""
