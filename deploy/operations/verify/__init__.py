"""`birdhouse verify`: holds what the tables store against what the broker holds, from outside, offset by offset."""
