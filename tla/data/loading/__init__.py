"""From picture files to images in memory, and some of them chosen."""
