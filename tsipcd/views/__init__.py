"""The files that people look at and edit. Deleting a view loses nothing."""
