"""The pattern of observations: an event is declared once, with its log line and its metrics, for both services."""
