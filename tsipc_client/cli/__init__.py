"""The command line `ts-ipc`: words -> an order -> a call -> text -> an exit status, each step on its own."""
