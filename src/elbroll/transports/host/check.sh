# What a run needs to know of a host before it drains anything (T-39). Needs base.sh and job.sh.

tools() {
  for _elb_o in setsid mkdir cat sleep tail wc id mv rm find chmod; do
    command -v "$_elb_o" >/dev/null || say MISSING "$_elb_o"
  done
}

folder() {
  _elb_o=$_elb_j/.try-$$
  if mkdir "$_elb_o" && printf '%s\n' try >"$_elb_o/try"; then say WRITABLE; fi
  rm -rf -- "$_elb_o"
  df -Pk "$_elb_j" | while read -r _elb_x _elb_x _elb_x _elb_l _elb_x; do say FREE "$_elb_l"; done
}

known() { case $1 in i-[0-9a-f]*) say IDENTITY "$1" ;; *) return 1 ;; esac; }

# identity: the host's instance id from what needs no network, else from its own metadata service (version 2).
identity() {
  for _elb_o in /sys/devices/virtual/dmi/id/board_asset_tag /var/lib/cloud/data/instance-id; do
    _elb_l=
    read -r _elb_l <"$_elb_o"
    known "$_elb_l" && return
  done
  _elb_u=http://169.254.169.254/latest
  _elb_l=$(curl -sf -m 1 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$_elb_u/api/token") || return
  known "$(curl -sf -m 1 -H "X-aws-ec2-metadata-token: $_elb_l" "$_elb_u/meta-data/instance-id")"
}

# who NONCE: whose machine it is, and nothing else; asked on each fresh line (F-41).
who() {
  enter "$1"
  identity
  say DONE
  exit 0
}

# tidy: folders of jobs that ended more than a week ago.
tidy() {
  find "$_elb_j" -mindepth 1 -maxdepth 1 -type d -mtime +7 | while IFS= read -r _elb_o; do
    alive "$_elb_o" || rm -rf -- "$_elb_o"
  done
}

# check NONCE IDENTITY SUDO: words `yes` or `no`.
check() {
  enter "$1"
  place '' .none
  booted
  tools
  folder
  [ "$2" = yes ] && identity
  [ "$3" = yes ] && if sudo -n true; then say SUDO yes; else say SUDO no; fi
  command -v ss >/dev/null && say SS
  each_open say OPEN
  tidy
  say DONE
  exit 0
}
