"""GitHub's expression language: read and checked when a workflow is saved, evaluated when it runs.

    lexer -> parser -> a tree (`tree`) -> evaluation, with `values` and `functions`

Bounded: 21,000 characters, 50 levels, a mebibyte of text; no loops, no patterns, nothing reaches outside.
"""
