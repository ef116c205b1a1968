"""From picture files to images in memory, and subsets of them."""
