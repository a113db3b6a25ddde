"""What is behind the outbound ports: which adapters, chosen by the profile in the settings."""
