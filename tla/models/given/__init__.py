"""Networks from elsewhere, made to answer as ours do."""
