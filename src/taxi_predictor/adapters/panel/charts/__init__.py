"""Pictures as SVG, written on the server: crisp, themed by style sheet, readable without any script."""
