"""What is done with a flat map: its table, its trust, new points, maps turned alike."""
