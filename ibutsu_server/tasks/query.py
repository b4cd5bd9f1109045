"""Hold the query tasks."""
