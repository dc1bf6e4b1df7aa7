"""`birdhouse run`: everything in one process."""
