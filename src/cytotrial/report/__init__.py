"""The HTML page, put together from tables and pictures."""
