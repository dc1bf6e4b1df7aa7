"""The pipe compiler: the nodes of a pipe and what they name become one statement with bound values."""
