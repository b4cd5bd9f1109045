"""Hold the importers tasks."""
