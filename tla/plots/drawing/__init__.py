"""What figures are drawn with: theme, sheet, marks, heatmap, maps, pictures, words, export."""
