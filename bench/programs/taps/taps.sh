# taps.sh once|each COUNT: each line on standard input asks for one block of COUNT hits at one place, answered
# with the time of one in nanoseconds.
. "${0%/*}/alive_tap.sh"

hit() {
	if [ "$mode" = once ]; then alive_tap bench; else alive_tap_each bench; fi
}

mode=$1 count=$2
while read -r _; do
	begin=${EPOCHREALTIME/[.,]/}
	for ((i = 0; i < count; i++)); do hit; done
	end=${EPOCHREALTIME/[.,]/}
	echo $(((end - begin) * 1000 / count))
done
