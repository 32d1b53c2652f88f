"""The pages of the web application: what each asks for, computes and draws."""
