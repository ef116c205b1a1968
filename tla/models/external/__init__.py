"""External networks, adapted to return `Outputs`."""
