"""Which embeddings form triplets."""
