"""What every handler needs of HTTP: bodies, parameters, formats, answers, the way of every request."""
