"""What a training costs on a machine: a layout, its memory, the seconds of its step, and what of it is assumed."""
