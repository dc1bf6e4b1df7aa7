"""The cut: views are made, filled, changed and removed on a live database; no row counts twice, none is missed."""
