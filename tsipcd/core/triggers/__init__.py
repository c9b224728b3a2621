"""Workflows that start by themselves: at their times, and at events.

    records, facts -> table (the durable side, in `State`) -> schedules, events -> starting

First a run is due, which is a fact of its own or a part of the event's; then its definition is read, which
may take a while, and the run started. What is due stays so over a crash, and whatever started takes it away:
nothing is started twice, and nothing forgotten.
"""
