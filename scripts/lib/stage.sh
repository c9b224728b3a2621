# Sourced by scripts/demo and scripts/picture: tmux sessions and a home of their own, taken away at the end.
# shellcheck shell=bash

demo=$(mktemp -d /tmp/ts-ipc-demo.XXXXXX)
export PATH="$PWD/.venv/bin:$PATH" HOME=$demo TMUX_TMPDIR=$demo
unset TMUX TMUX_PANE TS_IPC_DIR XDG_CONFIG_HOME
outside=$demo/outside.sock # a second tmux server, where TS-IPC does not look: somebody's terminal

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  ts-ipc daemon stop >/dev/null 2>&1 || true
  tmux -S "$outside" kill-server 2>/dev/null || true
  # A tmux that ends waits for its clients to have read all: for ever, if one belonged to a daemon that was killed.
  # shellcheck disable=SC2086 # a list of process ids
  [[ -z ${orphans:-} ]] || kill $orphans 2>/dev/null || true
  tmux kill-server 2>/dev/null || true
  rm -rf "$demo"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cat > "$demo/tmux.conf" <<'CONF'
set -g default-command "PS1='$ ' HISTFILE= exec bash --norc --noprofile"
set -g display-time 30000
set -g status-right ""
set -g default-terminal "screen-256color"
CONF

fail() { printf '\n%s failed: %s\n' "${0##*/}" "$1" >&2; exit 1; }

# pane SESSION: the text in its pane, without the empty lines below it
pane() { tmux capture-pane -p -t "=$1:" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }
# terminal: what somebody sees in the terminal outside
terminal() { tmux -S "$outside" capture-pane -p; }

# new_session NAME: with a shell at its prompt
new_session() {
  tmux -f "$demo/tmux.conf" new-session -d -s "$1" -x 80 -y 12 -c "$demo"
  wait_for '$' pane "$1"
}

# attach SESSION WIDTH HEIGHT: open it in the terminal outside
attach() {
  tmux -S "$outside" -f "$demo/tmux.conf" new-session -d -x "$2" -y "$3" "TMUX= exec tmux attach -t '=$1'"
  tmux -S "$outside" set -g status off
  wait_for "[${1:0:8}" terminal
}

# wait_for TEXT COMMAND...: until COMMAND prints TEXT, for at most ten seconds
wait_for() {
  local text=$1 tries=0
  shift
  until "$@" | grep -qF -- "$text"; do
    tries=$((tries + 1))
    if [[ $tries -gt 200 ]]; then "$@" | sed 's/^/  │ /' >&2; fail "no \"$text\" to be seen"; fi
    sleep .05
  done
}
