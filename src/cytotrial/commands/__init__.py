"""One module per verb = one rule: read files, call one room, write files."""
