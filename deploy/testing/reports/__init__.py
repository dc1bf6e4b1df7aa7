"""How cases ended, for people, for build servers, and written back into their files."""
