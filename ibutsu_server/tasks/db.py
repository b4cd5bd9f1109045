"""Hold the db tasks."""
