"""Read uploaded files into records and write records to the database; knows nothing of Celery."""
