"""The page of a plan: its pictures and what it hangs on."""
