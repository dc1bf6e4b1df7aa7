"""The broker and the engine for one machine, and ways to them."""
