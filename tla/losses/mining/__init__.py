"""Mining: which embeddings form triplets."""
