"""The document on all laws, and a picture of each."""
