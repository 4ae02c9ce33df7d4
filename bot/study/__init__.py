"""The rules. Knows no chat and no view; time, randomness and engines come in as arguments."""
