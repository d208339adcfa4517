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
	case ${ALIVE_OFF-} in '' | 0) _alive_hit once "$@" || : ;; esac
}

alive_tap_each() {
	case ${ALIVE_OFF-} in '' | 0) _alive_hit each "$@" || : ;; esac
}

# Every name of its own: one that the script has made readonly would end the script.
_alive_hit() {
	[ -n "${2-}" ] || return 0
	_alive_how=$1 _alive_name=$2 _alive_file=$0 _alive_line='' _alive_function='' _alive_caller='' _alive_pid=$$
	shift 2
	if [ -n "${BASH_VERSION-}" ]; then
		# Kept from the shells that cannot read it. Element 0 is this function, 1 is alive_tap.
		eval '_alive_pid=$BASHPID _alive_file=${BASH_SOURCE[2]-$0} _alive_line=${BASH_LINENO[1]}
		_alive_function=${FUNCNAME[2]-}
		if [ -n "${BASH_LINENO[2]-}" ] && [ "${BASH_LINENO[2]}" != 0 ]; then
			_alive_caller="${BASH_SOURCE[3]-$0}:${BASH_LINENO[2]} ${FUNCNAME[3]-}"
		fi'
	fi
	if [ "$_alive_how" = once ]; then
		_alive_site="<$_alive_pid|$_alive_name|$_alive_file:$_alive_line>"
		case $_alive_seen in *"$_alive_site"*) return 0 ;; esac
		# Forgets what a parent process knew, and what would grow for ever.
		case $_alive_seen in
		"<$_alive_pid|"*) [ ${#_alive_seen} -lt 20000 ] || _alive_seen= ;;
		*) _alive_seen= ;;
		esac
		_alive_seen=$_alive_seen$_alive_site
	fi
	# In a shell of its own: the locale, and whatever fails, stay in it.
	(
		LC_ALL=C
		_alive_datagram="alive1${_alive_tab}ping"
		_alive_column name "$_alive_name" 255
		_alive_column file "$_alive_file" 300
		_alive_column line "$_alive_line" 10
		_alive_column pid "$_alive_pid" 10
		_alive_column function "$_alive_function" 300
		_alive_column caller "${_alive_caller% }" 300
		_alive_column service "${ALIVE_NAME:-${0##*/}}" 300
		_alive_column host "${HOSTNAME-}" 300
		for _alive_pair in "$@"; do
			case $_alive_pair in ?*=*) _alive_column "${_alive_pair%%=*}" "${_alive_pair#*=}" 300 ;; esac
		done
		_alive_send
	) 0<&- 1>&- 2>&- </dev/null >/dev/null 2>&1 # closed first, for there may be no further descriptor
}

_alive_tab="	"

# Adds a column to $_alive_datagram, if there is room.
_alive_column() {
	[ -n "$2" ] || return 0
	_alive_escape "$1" 64
	_alive_key=$_alive_escaped
	_alive_escape "$2" "$3"
	[ $((${#_alive_datagram} + ${#_alive_key} + ${#_alive_escaped})) -ge 1397 ] ||
		_alive_datagram="$_alive_datagram$_alive_tab$_alive_key=$_alive_escaped"
}

# Sets $_alive_escaped to at most so many bytes of the text, what is no letter, digit or mark as % and two digits.
_alive_escape() {
	_alive_rest=$1 _alive_escaped=
	if [ ${#_alive_rest} -gt "$2" ]; then
		if [ -n "${BASH_VERSION-}" ]; then
			eval '_alive_rest=${_alive_rest:0:$2}'
		else
			_alive_rest=$(printf "%.$2s" "$1" && printf x)
			_alive_rest=${_alive_rest%x}
		fi
	fi
	while [ -n "$_alive_rest" ]; do
		_alive_run=${_alive_rest%%[!A-Za-z0-9_.:/,+-]*}
		_alive_escaped=$_alive_escaped$_alive_run
		_alive_rest=${_alive_rest#"$_alive_run"}
		[ -n "$_alive_rest" ] || break
		_alive_byte=${_alive_rest%"${_alive_rest#?}"}
		_alive_rest=${_alive_rest#?}
		# Without a process for each byte where the shell can.
		if [ -n "${BASH_VERSION-}" ]; then
			printf -v _alive_code %d "'$_alive_byte"
			printf -v _alive_code '%%%02X' "$((_alive_code & 255))"
		else
			_alive_code=$(printf %d "'$_alive_byte")
			_alive_code=$(printf '%%%02X' "$((_alive_code & 255))")
		fi
		_alive_escaped=$_alive_escaped$_alive_code
	done
}

_alive_send() {
	_alive_address=${ALIVE_ADDR:-127.0.0.1:25483}
	_alive_host=${_alive_address%:*} _alive_port=${_alive_address##*:}
	_alive_host=${_alive_host#[} _alive_host=${_alive_host%]}
	# Numbers only: to look a name up could take seconds.
	case $_alive_host in '' | *[!0-9a-fA-F.:]*) return 0 ;; esac
	case $_alive_port in '' | *[!0-9]*) return 0 ;; esac
	if [ -n "${BASH_VERSION-}" ]; then
		printf '%s\n' "$_alive_datagram" >"/dev/udp/$_alive_host/$_alive_port"
	elif command -v nc; then
		printf '%s\n' "$_alive_datagram" | nc -u -w 1 "$_alive_host" "$_alive_port" &
	fi
}
