"""Who measures: hardware, the processes that run jobs, and the Celery worker around them."""
