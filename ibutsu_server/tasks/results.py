"""Hold the results tasks."""
