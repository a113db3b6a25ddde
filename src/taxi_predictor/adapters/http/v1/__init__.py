"""The REST face: a folder of questions, each a module with its bodies, its endpoints and its examples."""
