"""A project file's text as lines that know where they stand, with what is included and filled in."""
