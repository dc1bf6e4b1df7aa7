"""`birdhouse replay`: reads a range, a time span or the quarantine again, on purpose, and stores it exactly once.

Of one partition at a time: claim the replay's own fence key, wait for what a former replay left under way, read the
record, complete the batch that it names, then go on. `docs/exactly-once.md` says why that holds.
"""
