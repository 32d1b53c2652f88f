"""How the bytes of a file become columns: text, rows of cells, numbers, with a note of whatever is not plain."""
