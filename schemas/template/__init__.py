"""Tinybird's template language on Jinja2's sandbox: a node's text and a caller's values become SQL and bound values."""
