# tap.sh once|fork|odd: hits taps through the shell functions, which $CLIENT names.
. "$CLIENT"

total() {
	alive_tap checkout.legacy order=17 # the tap
}

checkout() {
	total # the call
}

case $1 in
once)
	for _ in 1 2 3; do
		checkout
		alive_tap_each every.time
	done
	;;
fork)
	checkout
	(checkout)
	;;
odd)
	long=$(printf '%060000d' 0)
	alive_tap "$(printf 'odd \t\n\033[31m\377%%=')" "k
ey=$long" after=still nothing= without
	alive_tap "$long"
	alive_tap
	alive_tap ''
	;;
strict)
	set -eu
	checkout
	;;
esac
echo "done"
