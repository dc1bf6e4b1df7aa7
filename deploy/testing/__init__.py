"""`birdhouse test`: a project in a database of its own with its fixtures, and its cases asked of the API."""
