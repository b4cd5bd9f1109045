"""Hold the runs tasks."""
