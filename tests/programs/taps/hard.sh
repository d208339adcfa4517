# hard.sh FOLDER: taps where the shell functions, which $CLIENT names, have it hard.
set -eu
readonly name=mine file=mine line=mine host=mine
. "$CLIENT"

alive_tap
alive_tap "stubborn" good=1 bad after=2
trap 'alive_tap handler' USR1
kill -USR1 $$
(
	ulimit -n 4
	alive_tap no.descriptor
)
IFS=/
alive_tap separators path=/a/b
printf '%s\n' "don$IFS" | tr / e
