"""The kernel of exactly once: batches, their record, how one is inserted and how that can end."""
