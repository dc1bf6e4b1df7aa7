"""The consumer of one group: its loop, what it commits, what the group decides, and how it ends."""
