"""The daemon of TS-IPC. Scripts import `tsipc_client`, never this."""
