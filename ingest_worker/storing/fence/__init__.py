"""Whose a partition is, and what former owners left: fenced, waited for, read back."""
