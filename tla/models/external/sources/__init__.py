"""Where given networks come from, one source per file; the table says which file loads which name."""
