"""Workflow runs: tasks begun as what they need is settled, each attempt a message like any other.

    facts, records -> table (the state's part)
    frontier, conditions -> engine, with concurrency, stopping, timers and watching
    requests, views

A run moves because something about it became a fact: `engine` looks at each fact of a turn and adds those
that follow. Nothing here waits or looks at a clock.
"""
