"""What the daemon decides. Pure and synchronous: no clock, I/O, randomness, environment or logging."""
