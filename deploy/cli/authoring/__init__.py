"""Commands for those who write a project: beginning one, and testing it."""
