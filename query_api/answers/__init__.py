"""Answers that several requests share: kept for a time, or asked once for all who wait."""
