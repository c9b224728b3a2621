"""The events that were published, by number, for those who listen: kept on disk, handed on as they come."""
