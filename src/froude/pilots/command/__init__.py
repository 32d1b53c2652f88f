"""The main job with somebody's own trainer: a command or a function, and a dial that makes its model larger."""
