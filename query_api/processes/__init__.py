"""One port answered by several processes: a parent shares connections out, watches over them and speaks for all."""
