"""What is wrong with a project as a whole, files and SQL, and what of it is right without the rest."""
