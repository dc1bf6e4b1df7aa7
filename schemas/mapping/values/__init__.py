"""SQL that makes values of JSON, strictly: what was sent exactly, or nothing."""
