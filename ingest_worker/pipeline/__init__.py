"""From a consumer to an insert: reading, waiting, cutting batches, seeing each stored, committing."""
