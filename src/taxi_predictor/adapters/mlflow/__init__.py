"""MLflow as the registry of models: a server, or an SQLite file with a folder beside it."""
