"""Pipes and callers' own SQL: answered, explained (`explanation` is a door for the command line) and described."""
