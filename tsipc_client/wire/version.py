"""The version of this distribution: the one place where it stands."""

VERSION = "1.0.0"
