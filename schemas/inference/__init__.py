"""From a sample of events to a project: what each value is, the column for it, and the files that say so."""
