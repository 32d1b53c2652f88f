"""What serving a model costs on a machine: the seconds and bytes of one iteration."""
