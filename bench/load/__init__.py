"""Events, requests and callers: what the systems under test are given to do."""
