"""Duration models made of LightGBM trees: training, the artifact on disk, answering."""
