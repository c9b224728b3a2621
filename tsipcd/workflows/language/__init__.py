"""The language of workflows, read and checked: text -> `definition.Workflow`, or what is wrong.

    document -> nodes -> (steps, matrix, triggers) -> graph -> checks, with `fields` and `faults` beside them

Bounded: 1,000,000 bytes, 64 levels, 200,000 values with all aliases written out, 256 steps of one matrix.
"""
