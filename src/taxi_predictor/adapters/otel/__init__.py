"""Spans and log records for a collector that speaks OTLP."""
