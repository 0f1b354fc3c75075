# Connections, counted once for each line of input, until it ends: no login and no exec for each count.

# count NONCE FILTER
count() {
  enter "$1"
  while read -r _elb_l <&3; do
    printf 'ELB1 %s BEGIN\n' "$1"
    ss -Htni state established "$2"
    printf 'ELB1 %s END %s\n' "$1" "$?"
  done
  exit 0
}
