"""Methods side by side: where curves of fits cross, who wins at a size not run, and for how many times less compute."""
