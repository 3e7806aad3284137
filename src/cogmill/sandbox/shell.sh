# Cogmill's shell supervisor (bash >= 4.4). It reads requests on stdin and runs each one in forked children, so that
# nothing a command does to itself (exit, exec, kill 0) can end the session. It is pid 1 of the namespace, which makes
# it immune to signals from inside. Names start with __cogmill_ because user code shares the shell with them.
# Arguments: control folder (read-only, FIFOs made by the host), state folder, workspace, then the limits.
__cogmill_control=$1 __cogmill_state=$2 __cogmill_workspace=$3
__cogmill_processes=$4 __cogmill_cpu=$5 __cogmill_file_kb=$6 __cogmill_data_kb=$7
set --
for __cogmill_fd in /proc/self/fd/*; do
  # Files that bwrap was started from may have been inherited; nothing from the host stays open.
  __cogmill_fd=${__cogmill_fd##*/}
  if ((__cogmill_fd > 2)); then exec {__cogmill_fd}>&-; fi
done
unset __cogmill_fd
ulimit -c 0
# A little more than the commands get, so that a fork bomb never keeps the supervisor from starting one.
if ((__cogmill_processes > 0)); then ulimit -u $((__cogmill_processes + 32)) 2>/dev/null; fi
__cogmill_bashopts0=$BASHOPTS __cogmill_shellopts0=$SHELLOPTS __cogmill_shellopts=$SHELLOPTS __cogmill_last=0
declare -A __cogmill_base=()
while IFS='=' read -r -d '' __cogmill_name __cogmill_value; do
  __cogmill_base[$__cogmill_name]=$__cogmill_value
done </proc/self/environ
unset __cogmill_name __cogmill_value
__cogmill_secrets=() __cogmill_values=() __cogmill_shadowed=''

__cogmill_status() { return "$1"; }

# True when text $1 contains a secret of this command.
__cogmill_leaks() {
  local __cogmill_v
  for __cogmill_v in "${__cogmill_values[@]}"; do
    if ((${#__cogmill_v} >= 4)) && [[ $1 == *"$__cogmill_v"* ]]; then return 0; fi
  done
  return 1
}

# Prints the names of variables worth keeping into the array __cogmill_names.
__cogmill_pick() {
  local __cogmill_n
  __cogmill_names=()
  for __cogmill_n in "${!_@}" "${!a@}" "${!b@}" "${!c@}" "${!d@}" "${!e@}" "${!f@}" "${!g@}" "${!h@}" "${!i@}" \
    "${!j@}" "${!k@}" "${!l@}" "${!m@}" "${!n@}" "${!o@}" "${!p@}" "${!q@}" "${!r@}" "${!s@}" "${!t@}" "${!u@}" \
    "${!v@}" "${!w@}" "${!x@}" "${!y@}" "${!z@}" "${!A@}" "${!B@}" "${!C@}" "${!D@}" "${!E@}" "${!F@}" "${!G@}" \
    "${!H@}" "${!I@}" "${!J@}" "${!K@}" "${!L@}" "${!M@}" "${!N@}" "${!O@}" "${!P@}" "${!Q@}" "${!R@}" "${!S@}" \
    "${!T@}" "${!U@}" "${!V@}" "${!W@}" "${!X@}" "${!Y@}" "${!Z@}"; do
    case $__cogmill_n in
      __cogmill_* | _ | IFS | PWD | PPID | UID | EUID | SHLVL | SHELLOPTS | BASHOPTS | BASHPID | BASH | BASH_A[RL]* | \
        BASH_C* | BASH_EX* | BASH_L[IO]* | BASH_REMATCH | BASH_S* | BASH_V* | BASH_TRAPSIG | SECONDS | RANDOM | SRANDOM | LINENO | \
        FUNCNAME | GROUPS | DIRSTACK | PIPESTATUS | HISTCMD | EPOCH* | COMP_* | HOSTNAME | HOSTTYPE | MACHTYPE | OSTYPE) continue ;;
    esac
    # What the operator set and nobody changed is not state: a new value given at the next start must win.
    if [[ -v __cogmill_base[$__cogmill_n] && ${!__cogmill_n} == "${__cogmill_base[$__cogmill_n]}" ]]; then continue; fi
    if ((${#__cogmill_secrets[@]})); then
      if [[ " ${__cogmill_secrets[*]} " == *" $__cogmill_n "* ]]; then continue; fi
      local -n __cogmill_ref=$__cogmill_n
      if __cogmill_leaks "${__cogmill_ref[*]}"; then unset -n __cogmill_ref; continue; fi
      unset -n __cogmill_ref
    fi
    __cogmill_names+=("$__cogmill_n")
  done
}

# Unsets our own functions, so it is the last one that can be called.
__cogmill_print_functions() {
  local __cogmill_f
  # One look at all of them; only a leak is worth a fork for each.
  if ((${#__cogmill_values[@]})) && __cogmill_leaks "$(builtin declare -f)"; then
    for __cogmill_f in $(builtin compgen -A function); do
      if __cogmill_leaks "$(builtin declare -f "$__cogmill_f")"; then builtin unset -f "$__cogmill_f"; fi
    done
  fi
  builtin unset -f __cogmill_status __cogmill_pick __cogmill_leaks __cogmill_save __cogmill_options \
    __cogmill_take_secrets __cogmill_print_functions __cogmill_enter __cogmill_file __cogmill_prepare \
    __cogmill_leave __cogmill_end __cogmill_sweep
  builtin declare -f
  builtin declare -Fx
}

# Writes the shell's state beside the kept one; the host renames it once it is whole.
__cogmill_save() {
  local __cogmill_last=$? __cogmill_so=$SHELLOPTS __cogmill_bo=$BASHOPTS __cogmill_fs=$IFS __cogmill_n
  if [[ -v __cogmill_saved ]]; then return; fi
  __cogmill_saved=1
  builtin set +o posix
  builtin set +eufxvC
  builtin shopt -u nocasematch failglob nullglob
  IFS=$' \t\n'
  local __cogmill_names=() __cogmill_whole=1
  __cogmill_pick
  # Whatever else lies in its place must not block us.
  if [[ -e $__cogmill_state/new && ! -f $__cogmill_state/new ]]; then builtin command -p rm -rf "$__cogmill_state/new"; fi
  {
    builtin printf '__cogmill_shellopts=%s __cogmill_last=%s\n' "${__cogmill_so/:monitor/}" "$__cogmill_last"
    # Options first: functions may need extglob to be parsed.
    for __cogmill_n in ${__cogmill_bo//:/ }; do
      if [[ :$__cogmill_bashopts0: != *":$__cogmill_n:"* ]]; then builtin printf 'shopt -s %s\n' "$__cogmill_n"; fi
    done
    for __cogmill_n in ${__cogmill_bashopts0//:/ }; do
      if [[ :$__cogmill_bo: != *":$__cogmill_n:"* ]]; then builtin printf 'shopt -u %s\n' "$__cogmill_n"; fi
    done
    if ((${#__cogmill_names[@]})); then builtin declare -p "${__cogmill_names[@]}" || __cogmill_whole=0; fi
    if [[ -n $__cogmill_shadowed ]]; then builtin printf '%s\n' "$__cogmill_shadowed"; fi
    builtin umask -p
    builtin printf 'IFS=%q\nbuiltin cd -- %q\n' "$__cogmill_fs" "$PWD" || __cogmill_whole=0
    if ! __cogmill_leaks "${BASH_ALIASES[*]}"; then __cogmill_aliases=1; else __cogmill_aliases=0; fi
    __cogmill_print_functions
    if ((__cogmill_aliases)); then builtin alias -p; fi
    builtin printf '#\n' || __cogmill_whole=0
  } >"$__cogmill_state/new"
  if ((__cogmill_whole)); then builtin printf 'saved %s\n' "$__cogmill_id" >"$__cogmill_control/events"; fi
}

# Text that brings back the options that must only be on while user code runs (set -e, set -x ...).
__cogmill_options() {
  local __cogmill_n
  __cogmill_prefix=''
  for __cogmill_n in ${__cogmill_shellopts//:/ }; do
    if [[ :$__cogmill_shellopts0: != *":$__cogmill_n:"* ]]; then __cogmill_prefix+="set -o $__cogmill_n;"; fi
  done
  for __cogmill_n in ${__cogmill_shellopts0//:/ }; do
    if [[ :$__cogmill_shellopts: != *":$__cogmill_n:"* ]]; then __cogmill_prefix+="set +o $__cogmill_n;"; fi
  done
  if ((__cogmill_last)) && [[ $__cogmill_prefix != *errexit* && $__cogmill_prefix != *xtrace* ]]; then
    __cogmill_prefix+="__cogmill_status $__cogmill_last;"
  fi
}

# Takes the secrets of one command from its FIFO; what they shadow comes back into the kept state.
__cogmill_take_secrets() {
  local __cogmill_v
  while IFS= builtin read -r -d '' __cogmill_v && [[ -n $__cogmill_v ]]; do
    if [[ -v ${__cogmill_v%%=*} ]]; then
      __cogmill_shadowed+="$(builtin declare -p "${__cogmill_v%%=*}")"$'\n'
    fi
    builtin export "$__cogmill_v"
    __cogmill_secrets+=("${__cogmill_v%%=*}")
    __cogmill_values+=("${__cogmill_v#*=}")
  done
}

# The rest is called by the loop in launch.py, one step each. The loop is a single line of `bash -c` because the line
# numbers in the messages of user code count from there.

# In the child: limits, streams. One-off requests end here.
__cogmill_enter() {
  set +m
  case $__cogmill_op in run | job) exec 2>&1 ;; *) exec 2>"$__cogmill_control/$__cogmill_id.err" ;; esac
  {
    ulimit -t "$__cogmill_cpu"
    ulimit -f "$__cogmill_file_kb"
    ulimit -d "$__cogmill_data_kb"
    if ((__cogmill_processes > 0)); then ulimit -u "$__cogmill_processes"; fi
    # An unused limit serves as the mark by which the host finds all children, setsid and env -i included.
    ulimit -q "$__cogmill_tag"
  } 2>/dev/null
  if [[ $__cogmill_flags == *i* ]]; then
    exec <"$__cogmill_control/$__cogmill_id.in"
    printf 'open %s\n' "$__cogmill_id" >"$__cogmill_control/events"
  fi
  case $__cogmill_op in
    exec)
      mapfile -d '' -t __cogmill_argv <"$__cogmill_control/$__cogmill_id.cmd"
      if [[ $__cogmill_flags == *e* ]]; then { __cogmill_take_secrets; } 2>/dev/null; fi
      cd -- "${__cogmill_argv[0]}" || exit 126
      exec -- "${__cogmill_argv[@]:1}"
      ;;
    read | write) __cogmill_file ;;
  esac
}

__cogmill_file() {
  local __cogmill_path
  export LC_ALL=C
  IFS= read -r -d '' __cogmill_path <"$__cogmill_control/$__cogmill_id.cmd"
  if [[ -e $__cogmill_path && ! -d $__cogmill_path && ! -f $__cogmill_path ]]; then
    echo 'not a regular file' >&2
    exit 1
  fi
  if [[ $__cogmill_op == read ]]; then exec head -c "${__cogmill_flags//[!0-9]/}" -- "$__cogmill_path"; fi
  if [[ ! -d ${__cogmill_path%/*}/ ]]; then mkdir -p -- "${__cogmill_path%/*}/" || exit 1; fi
  # A redirection that fails does not end the shell, and what comes next would take the path for a command.
  exec cat >"$__cogmill_path"
  exit 1
}

# In the child, after the kept state was read at top level (inside a function its variables would be local).
__cogmill_prepare() {
  if [[ $__cogmill_flags == *i* ]]; then
    { __cogmill_take_secrets; } 2>/dev/null
    exec </dev/null
  fi
  { IFS= builtin read -r -d '' __cogmill_text <"$__cogmill_control/$__cogmill_id.cmd"; } 2>/dev/null
  local IFS=$' \t\n'
  __cogmill_options
  # Saving takes our functions away: calling one again would wake a command_not_found_handle of the user.
  if [[ $__cogmill_op == run ]]; then
    builtin trap '[[ -v __cogmill_saved ]] || { __cogmill_save; } 2>/dev/null' EXIT
  fi
}

__cogmill_leave() {
  __cogmill_last=$1
  if [[ $__cogmill_op == run ]]; then
    __cogmill_status "$__cogmill_last"
    __cogmill_save
  fi
  builtin set +ex
}

__cogmill_end() { printf 'end %s %s\n' "$__cogmill_id" "$1" >"$__cogmill_control/events"; }

# Only reached when the server is gone. In a namespace the kernel ends the rest; without one, end what can be found.
__cogmill_sweep() {
  local __cogmill_p
  for __cogmill_p in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
    __cogmill_sweep "$__cogmill_p"
    kill -9 "$__cogmill_p"
  done
}

# Opened for both directions, since opening it for writing alone would wait for ever for a server that is gone.
printf 'ready\n' 1<>"$__cogmill_control/events"
exec >/dev/null 2>&1
set -m # own process groups, and SIGINT not ignored in the commands
