"""What every network is made of and how it is looked into: classifier, blocks, layers, mode."""
