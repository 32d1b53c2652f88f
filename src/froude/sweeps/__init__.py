"""Anyone's trainer over a space, into a study; a run logged from any loop."""
