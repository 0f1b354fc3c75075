# A harmless question: no folder, stopped when the line is lost or its limit is over.

refuse() { say "$@"; exit 125; }
text() { _elb_text=$_elb_text$1$_elb_nl; }

# stop: goes on to the end, though the wrapper ends (and kills what stands by) as soon as the question's shell has.
stop() {
  trap '' TERM
  say WHY "$1"
  exec 4>&-
  group TERM
  finish
}

attend() {
  exec >/dev/null
  while read -r _elb_l <&3; do [ "$_elb_l" = stop ] && stop asked; done
  stop lost
}

clock() {
  exec >/dev/null 3<&-
  now
  _elb_since=$_elb_u
  while tick "$_elb_limit"; do :; done
  stop limit
}

# look NONCE LIMIT GRACE
look() {
  enter "$1"
  _elb_limit=$2 _elb_grace=$3 _elb_text=
  _elb_setsid=$(command -v setsid) || refuse REFUSED setsid
  _elb_own=$PATH
  receive || refuse CUT
  _elb_path=$PATH PATH=$_elb_own
  ask_it & _elb_g=$!
  began "$_elb_g"
  _elb_t=$_elb_s
  say START "$_elb_g"
  attend & _elb_wd=$!
  clock & _elb_cl=$!
  wait "$_elb_g"
  _elb_rc=$?
  kill "$_elb_wd" "$_elb_cl"
  say EXIT "$_elb_rc" - -
  exit "$_elb_rc"
}

# ask_it: becomes the question; its text comes through a descriptor, not through arguments that `ps` shows.
ask_it() {
  trap - HUP PIPE
  PATH=$_elb_path
  exec "$_elb_setsid" /bin/sh -e /dev/fd/7 2>&1 3<&- 4>&- 7<<ELBROLL_END
$_elb_text
ELBROLL_END
}
