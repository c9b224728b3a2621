"""Results as text for people, or JSON for programs. Pure: opens, reads and prints nothing."""
