"""Statements to try each node with: for defaults, for sample values, and for each branch that a value opens."""
