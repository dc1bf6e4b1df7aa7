"""The `birdhouse` command, a file a command: data goes to stdout, everything else to stderr. Its door is `main`.

A command's file imports what it runs when it runs: `birdhouse --help` and every other command start without it.
"""

from deploy.cli.group import main

__all__ = ["main"]
