"""`ts-ipc doctor`: looks at all that ts-ipc depends on, says what is wrong and what to do. Changes nothing.

One module for each family of checks. In each, pure functions judge plain values, and the check itself only
fetches them.
"""
