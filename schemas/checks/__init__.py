"""What is wrong with a project beyond what a file's grammar can say."""
