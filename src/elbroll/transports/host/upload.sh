# A file that arrives whole or not at all: beside its target under another name, compared, then renamed.

refuse() {
  [ -z "$_elb_tmp" ] || rm -f -- "$_elb_tmp"
  say REFUSED "$@"
  exit 125
}

text() { _elb_to=$1; }

digest() { sha256sum || shasum -a 256 || openssl dgst -r -sha256; }
digest_of() { _elb_h=$(digest <"$1"); _elb_h=${_elb_h%% *}; }

same() {
  [ -f "$_elb_to" ] && [ ! -L "$_elb_to" ] && [ "$(stat -c %a -- "$_elb_to")" = "$_elb_mode" ] || return
  [ "$(wc -c <"$_elb_to")" -eq "$_elb_size" ] && digest_of "$_elb_to" && [ "$_elb_h" = "$_elb_sha" ]
}

# leavings: what a killed run left behind more than an hour ago.
leavings() {
  for _elb_o in "$_elb_dir/.$_elb_base.elbroll-"*; do
    [ -f "$_elb_o" ] && find "$_elb_o" -mmin +60 -exec rm -f -- {} +
  done
}

target() {
  case $_elb_to in '~/'*) _elb_to=$HOME/${_elb_to#??} ;; esac
  _elb_dir=${_elb_to%/*} _elb_base=${_elb_to##*/}
  _elb_dir=${_elb_dir:-/}
  [ -d "$_elb_dir" ] || refuse parent
  [ ! -d "$_elb_to" ] || refuse folder
  [ -w "$_elb_dir" ] || refuse right
}

# upload NONCE SIZE SHA256 MODE ID; the target comes as text, the bytes after SEND, then the input's end.
upload() {
  enter "$1"
  _elb_size=$2 _elb_sha=$3 _elb_mode=$4 _elb_tmp= _elb_to=
  receive || refuse cut
  target
  if same; then say SAME; exit 0; fi
  leavings
  _elb_new=$_elb_dir/.$_elb_base.elbroll-$5
  (set -C; umask 077; printf '' >"$_elb_new") || refuse create
  _elb_tmp=$_elb_new
  trap 'rm -f -- "$_elb_tmp"; exit 125' TERM INT
  say SEND
  _elb_err=$(cat 2>&1 <&3 >"$_elb_tmp") || refuse write "${_elb_err##*: }"
  [ "$(wc -c <"$_elb_tmp")" -eq "$_elb_size" ] || refuse cut
  digest_of "$_elb_tmp"
  [ "$_elb_h" = "$_elb_sha" ] || refuse checksum
  chmod "$_elb_mode" "$_elb_tmp" || refuse mode
  mv -T -- "$_elb_tmp" "$_elb_to" || { [ ! -d "$_elb_to" ] && mv -f -- "$_elb_tmp" "$_elb_to"; } || refuse rename
  _elb_tmp=
  say DONE
  exit 0
}
