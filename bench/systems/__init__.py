"""What is measured: servers, processes and projects under test, and what they cost."""
