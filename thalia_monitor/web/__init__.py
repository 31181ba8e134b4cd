"""The Dash application: shell, live updates, JSON API, security and the gunicorn entry."""
