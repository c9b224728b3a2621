#!/usr/bin/env bash
# Send a message from a shell: send.sh FROM TO MESSAGE [TYPE]. Needs socat and jq; a daemon must run, or systemd listen.
set -euo pipefail

socket=${TS_IPC_DIR:-$HOME/.config/ts/ipc}/ipc.sock

answer=$(
  jq --null-input --compact-output \
    --arg source "$1" --arg target "$2" --arg message "$3" --arg type "${4:-command}" \
    '{jsonrpc: "2.0", id: 1, method: "send", params: {$source, $target, $message, $type}}' |
    socat -t 30 - "UNIX-CONNECT:$socket"
)

if jq --exit-status .error >/dev/null <<<"$answer"; then
  jq --raw-output '.error | "\(.message) (\(.data.hint))"' <<<"$answer" >&2
  exit 1
fi
jq --raw-output '.result | "\(.id) \(.status) -> \(.target)"' <<<"$answer"
