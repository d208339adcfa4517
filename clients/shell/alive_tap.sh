# Tells a collector that code is alive. To be sourced, by bash or by any other POSIX shell:
#
#     . ./alive_tap.sh
#     alive_tap checkout.legacy
#     alive_tap checkout.legacy order=17
#
# alive_tap sends one datagram, the first time in each process and at each place; alive_tap_each sends one
# every time. Neither waits, fails or writes anything. ALIVE_ADDR is the collector's address
# (127.0.0.1:25483), ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off.
#
# bash sends by itself, and knows file, line, function and caller. Another shell needs nc, without which
# nothing happens, and knows the script's name only.

_alive_seen=

alive_tap() {
	case ${ALIVE_OFF-} in '' | 0) ;; *) return 0 ;; esac
	_alive_hit once "$@" 2>/dev/null </dev/null
	return 0
}

alive_tap_each() {
	case ${ALIVE_OFF-} in '' | 0) ;; *) return 0 ;; esac
	_alive_hit each "$@" 2>/dev/null </dev/null
	return 0
}

_alive_hit() {
	local how name file line function caller pid site datagram pair tab="	"
	how=$1 name=${2-} file=$0 line= function= caller= pid=$$
	[ -n "$name" ] || return 0
	shift 2
	if [ -n "${BASH_VERSION-}" ]; then
		# Kept from the shells that cannot read it. Element 0 is this function, 1 is alive_tap.
		eval 'pid=$BASHPID file=${BASH_SOURCE[2]-$0} line=${BASH_LINENO[1]} function=${FUNCNAME[2]-}
		if [ -n "${BASH_LINENO[2]-}" ] && [ "${BASH_LINENO[2]}" != 0 ]; then
			caller="${BASH_SOURCE[3]-$0}:${BASH_LINENO[2]} ${FUNCNAME[3]-}"
		fi'
	fi
	if [ "$how" = once ]; then
		site="<$pid|$name|$file:$line>"
		case $_alive_seen in *"$site"*) return 0 ;; esac
		# Forgets what a parent process knew, and what would grow for ever.
		case $_alive_seen in "<$pid|"*) [ ${#_alive_seen} -lt 20000 ] || _alive_seen= ;; *) _alive_seen= ;; esac
		_alive_seen=$_alive_seen$site
	fi
	# In a shell of its own: the locale, and whatever fails, stay in it.
	(
		LC_ALL=C
		datagram="alive1${tab}ping"
		_alive_column name "$name" 255
		_alive_column file "$file" 300
		_alive_column line "$line" 10
		_alive_column pid "$pid" 10
		_alive_column function "$function" 300
		_alive_column caller "$caller" 300
		_alive_column service "${ALIVE_NAME:-${0##*/}}" 300
		_alive_column host "${HOSTNAME-}" 300
		for pair in "$@"; do
			case $pair in ?*=*) _alive_column "${pair%%=*}" "${pair#*=}" 300 ;; esac
		done
		_alive_send
	) >/dev/null 2>&1
}

# Adds a column to $datagram, if there is room.
_alive_column() {
	local key escaped
	[ -n "$2" ] || return 0
	_alive_escape "$1" 64
	key=$escaped
	_alive_escape "$2" "$3"
	[ $((${#datagram} + ${#key} + ${#escaped})) -ge 1397 ] || datagram="$datagram$tab$key=$escaped"
}

# Sets $escaped to at most so many bytes of the text, what is no letter, digit or mark as % and two digits.
_alive_escape() {
	local rest run byte code
	rest=$1 escaped=
	if [ ${#rest} -gt "$2" ]; then
		if [ -n "${BASH_VERSION-}" ]; then
			eval 'rest=${rest:0:$2}'
		else
			rest=$(printf "%.$2s" "$1" && printf x)
			rest=${rest%x}
		fi
	fi
	while [ -n "$rest" ]; do
		run=${rest%%[!A-Za-z0-9_.:/,+-]*}
		escaped=$escaped$run
		rest=${rest#"$run"}
		[ -n "$rest" ] || break
		byte=${rest%"${rest#?}"}
		rest=${rest#?}
		# Without a process for each byte where the shell can.
		if [ -n "${BASH_VERSION-}" ]; then
			printf -v code %d "'$byte"
			printf -v code '%%%02X' "$((code & 255))"
		else
			code=$(printf %d "'$byte")
			code=$(printf '%%%02X' "$((code & 255))")
		fi
		escaped=$escaped$code
	done
}

_alive_send() {
	local address host port
	address=${ALIVE_ADDR:-127.0.0.1:25483}
	host=${address%:*} port=${address##*:}
	host=${host#[} host=${host%]}
	# Numbers only: to look a name up could take seconds.
	case $host in '' | *[!0-9a-fA-F.:]*) return 0 ;; esac
	case $port in '' | *[!0-9]*) return 0 ;; esac
	if [ -n "${BASH_VERSION-}" ]; then
		printf '%s\n' "$datagram" >"/dev/udp/$host/$port"
	elif command -v nc; then
		printf '%s\n' "$datagram" | nc -u -w 1 "$host" "$port" &
	fi
}
