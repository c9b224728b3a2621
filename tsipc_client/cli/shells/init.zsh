# ts-ipc for zsh: plain sends and events of this shell go through one process that it keeps.

zmodload zsh/system
typeset -g __ts_ipc_in= __ts_ipc_out= __ts_ipc_surroundings= __ts_ipc_prefix=
typeset -gi __ts_ipc_number=0

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
  emulate -L zsh
  case ${1-}:$# in send:[45] | publish:[34] | pub:[34]) ;; *) return 1 ;; esac
  # Not in a subshell, and not in a trap within a call: answers would be mixed.
  [[ $sysparams[pid] == $$ && ${funcstack[(I)__ts_ipc_quick]} -eq 1 ]] || return 1
  local word line rest us=$'\x1f' watched=0
  for word; do
    case $word in -* | *$'\n'* | *$us*) return 1 ;; esac
  done
  # A line is written in one piece, and never waits for a reader.
  local words="${(pj:\x1f:)@}"
  local surroundings="${PATH-}:${HOME-}:${TS_IPC_DIR-}:${TS_IPC_NO_START-}:${NO_COLOR-}:${FORCE_COLOR-}:${TERM-}"
  (( ${#words} <= 900 )) || return 1
  if [[ $surroundings != $__ts_ipc_surroundings ]]; then
    __ts_ipc_end
    __ts_ipc_begin || return 1
    __ts_ipc_surroundings=$surroundings
  fi
  if [[ -t 2 ]]; then watched=1; fi
  (( __ts_ipc_number += 1 ))
  __ts_ipc_key=$__ts_ipc_prefix-$__ts_ipc_number
  builtin print -r -u $__ts_ipc_in -- "$__ts_ipc_number$us$watched$us$__ts_ipc_key$us$words" || return 1
  while true; do
    if ! IFS= builtin read -r -u $__ts_ipc_out line; then
      __ts_ipc_end
      return 1
    fi
    # After a Ctrl-C there may be an answer that nobody waits for.
    if [[ ${line%%$us*} == $__ts_ipc_number ]]; then break; fi
  done
  [[ $line == *$us* ]] || return 1
  rest=${line#*$us}
  word=${rest%%$us*}
  if [[ -n $word ]]; then builtin print -r -- "${word// /$'\n'}" || return 1; fi
  while [[ $rest == *$us* ]]; do
    rest=${rest#*$us}
    builtin print -r -u 2 -- "${rest%%$us*}"
  done
  return 0
}

# Start the process. It is no job of this shell: `$!` and `jobs` stay as they are.
__ts_ipc_begin() {
  emulate -L zsh
  setopt no_bg_nice
  local folder both
  folder=$(command mktemp -d "${TMPDIR:-/tmp}/ts-ipc.XXXXXX") || return 1
  __ts_ipc_prefix=
  if command mkfifo -m 600 $folder/in $folder/out && sysopen -rw -o cloexec -u both $folder/out; then
    ( command ts-ipc pipe --shell $$ <$folder/in >$folder/out 2>/dev/null & )
    # Open for reading too: a process that has died must not end the shell by SIGPIPE.
    sysopen -rw -o cloexec -u __ts_ipc_in $folder/in
    IFS= builtin read -r -t 10 -u $both __ts_ipc_prefix
    sysopen -r -o cloexec -u __ts_ipc_out $folder/out
    exec {both}>&-
  fi
  command rm -rf $folder
  if [[ -z $__ts_ipc_prefix ]]; then
    __ts_ipc_end
    return 1
  fi
  __ts_ipc_number=0
}

__ts_ipc_end() {
  emulate -L zsh
  if [[ -n $__ts_ipc_in ]]; then exec {__ts_ipc_in}>&-; fi
  if [[ -n $__ts_ipc_out ]]; then exec {__ts_ipc_out}<&-; fi
  __ts_ipc_in= __ts_ipc_out= __ts_ipc_surroundings=
}

__ts_ipc_complete() {
  local -a found
  found=("${(@f)$(command ts-ipc shell-init zsh --complete "${(pj:\x1f:)${(@Q)words[2,CURRENT]}}" 2>/dev/null)}")
  compadd -- ${found:#}
}

if (( ${+functions[compdef]} )); then compdef __ts_ipc_complete ts-ipc; fi
