"""How many rows a statement asks for: LIMIT, OFFSET and FETCH with the values that are bound in them."""
