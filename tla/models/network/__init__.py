"""What networks are built of and inspected with: classifier, blocks, layers, mode."""
