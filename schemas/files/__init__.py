"""The readers of `.datasource`, `.pipe` and `.connection` files: text to the values of `schemas.model`."""
