"""Model folders that run in a pipeline of diffusers' own, as a whole."""
