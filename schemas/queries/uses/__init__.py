"""What the pipes of a project do with its tables: what they write, who reads it, and what nothing carries out."""
