"""The HTTP side: who may ask, and the routes. Nothing below knows that there is a web."""
