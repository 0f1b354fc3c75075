# One command that outlives the line to it (ssh.md 2), and asking what became of one.
# Its folder: boot (boot id), wrap (the wrapper's pid and start time), cmd, log, pid (the group and its start time),
# why (limit asked lost flood), lost, rc (written last, one line ending in ` .`). Descriptor 5 is the log.

# refuse WORDS: nothing was started, and nothing will be.
refuse() { echo "$* ." >"$_elb_d/rc"; say "$@"; exit 125; }
give_up() { say REFUSED "$@"; exit 125; }

mine() { [ -d "$1" ] && [ -O "$1" ] && [ ! -L "$1" ]; }

# place ROOT ID: the job's folder into _elb_d, all jobs' into _elb_j. An existing folder wins wherever it is, so that
# a home that became read-only does not make a job look as if it had never been.
place() {
  _elb_j=${1:-${HOME:-/}/.elbroll/jobs}
  [ -d "$_elb_j" ] || (umask 077; mkdir -p "$_elb_j")
  _elb_d=$_elb_j/$2
  [ -d "$_elb_d" ] && return
  for _elb_o in /var/tmp/elbroll-*; do
    mine "$_elb_o" && [ -d "$_elb_o/$2" ] && _elb_j=$_elb_o _elb_d=$_elb_o/$2 && return
  done
  [ -w "$_elb_j" ] && return
  _elb_j=/var/tmp/elbroll-$(id -u)
  mkdir -m 700 "$_elb_j"
  mine "$_elb_j" || give_up job folder
  _elb_d=$_elb_j/$2
}

booted() { read -r _elb_boot </proc/sys/kernel/random/boot_id; }
same_boot() { read -r _elb_b <"$1/boot" && [ "$_elb_b" = "$_elb_boot" ]; }

# alive FOLDER: its wrapper, or a member of its group.
alive() {
  read -r _elb_w _elb_t <"$1/wrap" && began "$_elb_w" && [ "$_elb_s" = "$_elb_t" ] && return
  read -r _elb_g _elb_t <"$1/pid" && left
}

# each_open COMMAND...: run with the id of every other job that is still running.
each_open() {
  for _elb_o in "$_elb_j"/* /var/tmp/elbroll-*/*; do
    [ "$_elb_o" != "$_elb_d" ] && [ -O "$_elb_o" ] && [ -d "$_elb_o" ] && [ ! -s "$_elb_o/rc" ] || continue
    same_boot "$_elb_o" && alive "$_elb_o" && "$@" "${_elb_o##*/}"
  done
}

# claim: an id is used up by the first who makes its folder; then alone on the host (I-17). Each writes itself down
# before it looks for others, so that of two at least one sees the other.
claim() {
  if ! mkdir -m 700 "$_elb_d"; then
    [ -d "$_elb_d" ] || give_up job folder
    say DUP
    exit 125
  fi
  booted
  began $$
  echo "$_elb_boot" >"$_elb_d/boot" && echo "$$ $_elb_s" >"$_elb_d/wrap" && printf '' >"$_elb_d/log" || refuse REFUSED disk
  each_open refuse BUSY
}

text() { printf '%s\n' "$1" >&6 || refuse REFUSED disk; }

stop() {
  [ -s "$_elb_d/why" ] || echo "$1" >"$_elb_d/why"
  read -r _elb_g _elb_t <"$_elb_d/pid" || return
  group TERM
  finish
}

# follow: the log to the channel. `cat` goes on at the shared offset; a full window blocks nothing but this.
follow() {
  trap exit USR1
  while sleep 0.2 >/dev/null & wait $!; do cat <&5; done
}

# attend: a line `stop` ends the command; the end of input means that the line is lost or the client dead.
attend() {
  exec >/dev/null 4>&- 5<&-
  while read -r _elb_l <&3; do [ "$_elb_l" = stop ] && stop asked; done
  case $_elb_loss in
    keep) echo >"$_elb_d/lost" ;;
    end) echo >"$_elb_d/lost"; stop lost ;;
    ask) kill $$ ;;
  esac
}

clock() {
  exec >/dev/null 3<&- 4>&- 5<&-
  now
  _elb_since=$_elb_u
  while tick "$_elb_limit"; do
    [ "$(wc -c <"$_elb_d/log")" -le "$_elb_flood" ] || stop flood
  done
  stop limit
}

# start: becomes the command. `pid` is written before `why` is read, `stop` does it the other way round: one sees.
start() {
  trap - HUP PIPE
  read -r _elb_g _elb_x </proc/self/stat
  began "$_elb_g"
  echo "$_elb_g $_elb_s" >"$_elb_d/pid" || refuse REFUSED disk
  [ -s "$_elb_d/why" ] && refuse CUT
  say START "$_elb_g"
  PATH=$_elb_path
  exec "$_elb_setsid" /bin/sh -e "$_elb_d/cmd" 3<&- 4>&- 5<&-
}

# job ROOT ID NONCE LIMIT GRACE LOSS FLOOD
job() {
  enter "$3"
  _elb_limit=$4 _elb_grace=$5 _elb_loss=$6 _elb_flood=$7
  place "$1" "$2"
  claim
  _elb_setsid=$(command -v setsid) || refuse REFUSED setsid
  _elb_own=$PATH
  exec 6>"$_elb_d/cmd" 5<"$_elb_d/log"
  receive || refuse CUT
  exec 6>&-
  _elb_path=$PATH PATH=$_elb_own
  follow 3<&- 4>&- & _elb_fl=$!
  attend & _elb_wd=$!
  clock & _elb_cl=$!
  (start) >>"$_elb_d/log" 2>&1
  end $?
}

end() {
  _elb_why= _elb_m=
  if [ -s "$_elb_d/why" ] && read -r _elb_why <"$_elb_d/why"; then
    read -r _elb_g _elb_t <"$_elb_d/pid" && finish
  fi
  kill "$_elb_wd" "$_elb_cl"
  kill -s USR1 "$_elb_fl"
  [ -s "$_elb_d/rc" ] && exit 125
  echo "EXIT $1 ${_elb_why:--} ${_elb_m:--} ." >"$_elb_d/rc"
  wait "$_elb_fl"
  cat <&5
  say EXIT "$1" "${_elb_why:--}" "${_elb_m:--}"
  exit "$1"
}

settled() {
  read -r _elb_l <"$_elb_d/rc" || return
  case $_elb_l in *' .') say "${_elb_l% .}" ;; *) return 1 ;; esac
}

# bury: whoever comes late finds the folder taken, or a reason not to start.
bury() { [ -s "$_elb_d/why" ] || echo buried >"$_elb_d/why"; }

# reattach FROM: the log from there on, until the job has ended.
reattach() {
  say RUNNING
  tail -c "$1" <&5
  _elb_loss=ask
  attend & _elb_wd=$!
  while [ ! -s "$_elb_d/rc" ] && alive "$_elb_d"; do sleep 0.2; cat <&5; done
  cat <&5
  kill "$_elb_wd"
}

verdict() {
  settled && return
  if [ -s "$_elb_d/boot" ] && ! same_boot "$_elb_d"; then say REBOOTED; return; fi
  bury
  if [ -s "$_elb_d/pid" ]; then say GONE; else say NEVER; fi
}

# ask ROOT ID NONCE GRACE FROM: what became of a job; first tries to claim it, so that it can never start later.
ask() {
  enter "$3"
  _elb_grace=$4
  place "$1" "$2"
  booted
  if mkdir -m 700 "$_elb_d"; then echo 'NEVER .' >"$_elb_d/rc"; say NEVER; exit 0; fi
  [ -d "$_elb_d" ] || give_up job folder
  [ -s "$_elb_d/wrap" ] || sleep 1
  if [ -r "$_elb_d/log" ]; then exec 5<"$_elb_d/log"; else exec 5</dev/null; fi
  if [ ! -s "$_elb_d/rc" ] && same_boot "$_elb_d" && alive "$_elb_d"; then reattach "$5"; else tail -c "$5" <&5; fi
  verdict
  exit 0
}

# open_jobs ROOT NONCE
open_jobs() {
  enter "$2"
  place "$1" .none
  booted
  each_open say OPEN
  say DONE
  exit 0
}
