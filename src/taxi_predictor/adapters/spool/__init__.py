"""Records that wait on this machine, in files that several processes share."""
