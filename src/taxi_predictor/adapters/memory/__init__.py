"""Every outbound port in memory: for tests, demonstrations and a first try. All is forgotten at exit."""
