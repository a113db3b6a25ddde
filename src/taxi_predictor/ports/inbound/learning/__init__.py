"""From stored trips to a judged version."""
