"""What else counts as parameters or as tokens: a lever takes the place of N or D in a law of these."""
