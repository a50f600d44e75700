"""Whoever makes the pictures: in this process for tests, in a spawned one by default."""
