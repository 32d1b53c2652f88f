"""The addresses of the web application, and what goes back from each."""
