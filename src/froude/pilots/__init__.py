"""The main job: small trainings, a forecast, and the large training that checks it."""
