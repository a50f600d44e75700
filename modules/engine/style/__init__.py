"""The style modes of the loop: colours alone, attention injected from a style picture, a series in one style."""
