"""What figures are drawn with: theme, sheet, marks, maps, pictures, words, export."""
