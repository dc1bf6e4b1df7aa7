"""The benches: each says what it measures and makes a table of it."""
