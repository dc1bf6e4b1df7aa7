"""The database of a test: an engine for it, a project in it, fixtures in its tables, and the time that it is there."""
