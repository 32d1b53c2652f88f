"""How runs are read: a reader for each kind of file, folder or dataframe."""
