"""Tools for flat maps: their table, trustworthiness, placing new points, aligning several maps."""
