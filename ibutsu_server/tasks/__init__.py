"""Hold the five task modules; each task is a few lines over a plain function."""
