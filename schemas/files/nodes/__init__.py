"""What stands below a NODE of a pipe: its SQL, its TYPE, and the lines that belong to the type."""
