"""What goes between the parent and its processes: how they are started, messages, connections."""
