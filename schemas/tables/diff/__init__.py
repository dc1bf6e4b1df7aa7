"""From the shapes that a project asks for and the tables that ClickHouse holds to the changes between the two."""
