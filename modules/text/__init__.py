"""Words: the prompt's grammar, CLIP's token windows, the infotext. Needs no torch; the front process uses it too."""
