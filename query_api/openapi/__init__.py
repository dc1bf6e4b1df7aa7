"""The OpenAPI document of what a token may ask, and the page that shows it."""
