"""What the processes of one API have in common besides messages: memory, a folder, and the stream of their logs."""
