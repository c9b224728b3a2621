"""Publishes one event again and again over one connection: what a session's subscription has typed there.

`python -S publishing.py SOCKET REPORT EVENT DATA COUNT`. Each time in another's name. Writes a line to REPORT
when it has ended: how many were accepted, and refused. Loads little, since it is started hundreds of times.
"""

import json
import os
import socket
import sys


def main(path: str, report: str, event: str, data: str, count: int) -> None:
    """Publish, one at a time; anything but an acceptance or a pause is an error."""
    accepted = refused = 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(path)
        reader = connection.makefile("rb")
        for number in range(count):
            params = {"source": f"forged-{os.getpid()}-{number}", "event": event, "data": data}
            request = {"id": number, "method": "publish", "params": params}
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(reader.readline())
            if "result" in answer:
                accepted += 1
            else:
                assert answer["error"]["data"]["code"] == "paused", answer
                refused += 1
    line = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(line, f"{accepted} {refused}\n".encode())
    os.close(line)


if __name__ == "__main__":
    socket_path, report_path, name, text, times = sys.argv[1:]
    main(socket_path, report_path, name, text, int(times))
