"""Glue between Celery, Flask and Redis."""
