"""Use cases wired to what stands behind their ports: pure, nothing is opened here."""
