# ts-ipc for bash: plain sends and events of this shell go through one process that it keeps.

ts-ipc() {
  local __ts_ipc_key=
  if __ts_ipc_quick "$@"; then return 0; fi
  # `|| return`: under `set -e` the shell ends where the function was called, not inside it.
  if [[ -n $__ts_ipc_key ]]; then
    command ts-ipc "$@" --key "$__ts_ipc_key" || return
  else
    command ts-ipc "$@" || return
  fi
}

# Whether it is done, and its answer printed. If not, and it may have been asked, __ts_ipc_key is its key.
__ts_ipc_quick() {
  case ${1-}:$# in send:[45] | publish:[34] | pub:[34]) ;; *) return 1 ;; esac
  # Named descriptors came with bash 4.1.
  (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 401 )) || return 1
  # Not in a subshell, and not in a trap within a call: answers would be mixed.
  local word line rest IFS=' '
  [[ $BASHPID == "$$" && " ${FUNCNAME[*]:1} " != *' __ts_ipc_quick '* ]] || return 1
  IFS=$'\x1f'
  for word; do
    case $word in -* | *[$'\n\x1f']*) return 1 ;; esac
  done
  # A line is written in one piece, and never waits for a reader.
  local words="$*" watched=0 surroundings="${PATH-}:${HOME-}:${TS_IPC_DIR-}:${TS_IPC_NO_START-}"
  surroundings+=":${NO_COLOR-}:${FORCE_COLOR-}:${TERM-}"
  (( ${#words} <= 900 )) || return 1
  if [[ $surroundings != "${__ts_ipc_surroundings-}" ]]; then
    __ts_ipc_end
    __ts_ipc_begin || return 1
    __ts_ipc_surroundings=$surroundings
  fi
  if [[ -t 2 ]]; then watched=1; fi
  (( __ts_ipc_number += 1 ))
  __ts_ipc_key=$__ts_ipc_prefix-$__ts_ipc_number
  builtin printf '%s\n' "$__ts_ipc_number$IFS$watched$IFS$__ts_ipc_key$IFS$words" >&"$__ts_ipc_in" || return 1
  while :; do
    if ! IFS= builtin read -r -u "$__ts_ipc_out" line; then
      __ts_ipc_end
      return 1
    fi
    # After a Ctrl-C there may be an answer that nobody waits for.
    if [[ ${line%%$'\x1f'*} == "$__ts_ipc_number" ]]; then break; fi
  done
  [[ $line == *$'\x1f'* ]] || return 1
  rest=${line#*$'\x1f'}
  word=${rest%%$'\x1f'*}
  if [[ -n $word ]]; then builtin printf '%s\n' "${word// /$'\n'}" || return 1; fi
  while [[ $rest == *$'\x1f'* ]]; do
    rest=${rest#*$'\x1f'}
    builtin printf '%s\n' "${rest%%$'\x1f'*}" >&2
  done
  return 0
}

# Start the process. It is no job of this shell: `$!` and `jobs` stay as they are.
__ts_ipc_begin() {
  local folder both
  folder=$(command mktemp -d "${TMPDIR:-/tmp}/ts-ipc.XXXXXX") || return 1
  __ts_ipc_prefix=
  if command mkfifo -m 600 "$folder/in" "$folder/out" && exec {both}<>"$folder/out"; then
    ( command ts-ipc pipe --shell "$$" <"$folder/in" >"$folder/out" 2>/dev/null {both}>&- & )
    # Open for reading too: a process that has died must not end the shell by SIGPIPE.
    exec {__ts_ipc_in}<>"$folder/in"
    IFS= builtin read -r -t 10 -u "$both" __ts_ipc_prefix
    exec {__ts_ipc_out}<"$folder/out" {both}>&-
  fi
  command rm -rf "$folder"
  if [[ -z $__ts_ipc_prefix ]]; then
    __ts_ipc_end
    return 1
  fi
  __ts_ipc_number=0
}

__ts_ipc_end() {
  if [[ -n ${__ts_ipc_in-} ]]; then exec {__ts_ipc_in}>&-; fi
  if [[ -n ${__ts_ipc_out-} ]]; then exec {__ts_ipc_out}<&-; fi
  unset -v __ts_ipc_in __ts_ipc_out __ts_ipc_surroundings
}

__ts_ipc_complete() {
  local word IFS=$'\x1f'
  COMPREPLY=()
  while IFS= builtin read -r word; do
    COMPREPLY+=("$(builtin printf '%q' "$word")")
  done < <(command ts-ipc shell-init bash --complete "${COMP_WORDS[*]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F __ts_ipc_complete ts-ipc
