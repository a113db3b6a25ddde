"""Pictures for people, drawn without a display."""
