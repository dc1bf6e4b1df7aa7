"""The values of a template: read from a caller's text, remembered with their type, bound beside the SQL."""
