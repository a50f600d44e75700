"""The loop: a request becomes a stream of events."""
