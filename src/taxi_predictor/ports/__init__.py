"""The doors of the core: ``inbound`` are its use cases, ``outbound`` what it needs from outside."""
