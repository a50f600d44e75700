"""The words every other package speaks: the request, tasks, events, Protocols, errors. Knows no library but pydantic."""
