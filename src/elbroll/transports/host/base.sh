# What every wrapper starts with. Runs in any POSIX sh (dash, bash, busybox); sent line by line, see wrapper.py.
# All variables begin with _elb_, a prefix that `env` may not use (T-32). Descriptors: 3 the channel's input,
# 4 its stderr for control lines. Nothing received is ever parsed as shell text (I-26).
_elb_nl='
'

say() { printf 'ELB1 %s %s\n' "$_elb_n" "$*" >&4; }

# enter NONCE: from here on the channel's input and stderr are ours alone.
enter() {
  exec 3<&0 4>&2 </dev/null 2>/dev/null
  trap '' HUP PIPE
  unset CDPATH
  _elb_n=$1
}

# began PID: its start time into _elb_s; a number alone may be another process by now.
began() {
  read -r _elb_s <"/proc/$1/stat" || return 1
  set -- ${_elb_s##*) }
  _elb_s=${20}
}

# members PG: names of all living processes of a group into _elb_m; false if there are none. Looks in /proc, as
# signal 0 to a root process is refused.
members() {
  _elb_m=
  for _elb_f in /proc/[0-9]*/stat; do
    read -r _elb_l <"$_elb_f" || continue
    _elb_c=${_elb_l#*\(} _elb_c=${_elb_c%\)*}
    set -- "$1" ${_elb_l##*) }
    [ "$4" = "$1" ] && [ "$2" != Z ] || continue
    _elb_m=${_elb_m:+$_elb_m,}${_elb_c%%[!A-Za-z0-9._-]*}
  done
  [ -n "$_elb_m" ]
}

# left: whether the group (_elb_g, whose leader began at _elb_t) has members; their names are in _elb_m.
left() {
  _elb_m=
  began "$_elb_g" && [ "$_elb_s" != "$_elb_t" ] && return 1
  members "$_elb_g"
}

# group SIGNAL: to the whole group, or to its leader in the moment before setsid.
group() {
  began "$_elb_g" && [ "$_elb_s" != "$_elb_t" ] && return 1
  kill -s "$1" -- "-$_elb_g" || kill -s "$1" "$_elb_g"
}

# linger TENTHS: until the group is empty, at most so long.
linger() {
  _elb_i=0
  while left && [ "$_elb_i" -lt "$1" ]; do sleep 0.2; _elb_i=$((_elb_i + 2)); done
}

finish() {
  linger $((_elb_grace * 10))
  [ -z "$_elb_m" ] && return
  group KILL
  linger 20
}

now() { read -r _elb_u _elb_x </proc/uptime; _elb_u=${_elb_u%%.*}; }

# tick SECONDS: sleeps a second; false once so many have passed since _elb_since, by the host's clock.
tick() { sleep 1 4>&-; now; [ $((_elb_u - _elb_since)) -lt "$1" ]; }

# receive: the lines up to a lone `.`; false if they end before it. `text` gets each line of the command.
receive() {
  while IFS= read -r _elb_l <&3; do
    case $_elb_l in
      '@~/'*) cd -- "$HOME/${_elb_l#??}" || refuse REFUSED workdir ;;
      @*) cd -- "${_elb_l#@}" || refuse REFUSED workdir ;;
      =*) _elb_e=${_elb_l#=}; export "$_elb_e" ;;
      +*) _elb_e=$_elb_e$_elb_nl${_elb_l#+}; export "$_elb_e" ;;
      :*) text "${_elb_l#:}" ;;
      .) return 0 ;;
    esac
  done
  return 1
}
