"""Facts on disk: records, segments, repair, snapshots. Knows bytes, not what they mean."""
