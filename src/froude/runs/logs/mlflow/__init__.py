"""Runs of MLflow, from its database and from the folders of older versions."""
