"""A project's own tests: the cases of `tests/*.yaml`, the fixtures that they are asked over, and what differs."""
