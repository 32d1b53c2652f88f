"""Anyone's trainer over a space, into a study; a run logged from any loop.

It imports nothing itself: a loop that logs a run, and a worker that trains one, need not wait for what shows results.
"""
