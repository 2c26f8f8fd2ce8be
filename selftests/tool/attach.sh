#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# attach.sh - asking running programs: that the right one answers, that no
# other user is answered, and that whatever is at the other end, the tool says
# what is wrong in one line.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_clock.so"
make_trace 1 20000 "$work/trace"

# answer HOW [PID] - a server of ours; sets $pid.
answer() {
	background python3 "$work/server.py" "$@"
	until_true can_be_asked "${2:-$pid}"
}

cat >"$work/server.py" <<'END'
import fcntl, os, random, signal, socket, struct, sys, termios, time

signal.signal(signal.SIGPIPE, signal.SIG_DFL)

how, pid = sys.argv[1], os.getpid()
body = b'{"pid":1}\n'
held = []

def listen(name, queue):
    s = socket.socket(socket.AF_UNIX)
    s.bind(name)
    s.listen(queue)
    held.append(s)
    return s

def fill(name):
    listen(name, 0)
    try:
        while True:
            c = socket.socket(socket.AF_UNIX)
            c.setblocking(False)
            c.connect(name)
            held.append(c)
    except BlockingIOError:
        pass

def taken(c):
    """Until the other side has read all."""
    while struct.unpack("i", fcntl.ioctl(c, termios.TIOCOUTQ, bytes(4)))[0]:
        time.sleep(0.001)

if how == "squat":
    pid = int(sys.argv[2])
if how == "full":
    for i in range(30):
        fill("\0tmem/1.full%d" % i)
if how == "silent":
    for i in range(10):
        listen("\0tmem/%d.%d" % (pid, i), 5)
s = listen("\0tmem/%d" % pid, 5)
while how in ("silent", "squat"):
    signal.pause()
while True:
    c, _ = s.accept()
    c.recv(256)
    head = b"tmem 1 ok %d\n" % len(body)
    if how == "middle":
        c.sendall(b"tmem 1 ok 1000000\n" + body * 10)
        os._exit(0)
    if how == "short":
        c.sendall(b"tmem 1 ok 1000\n" + body)
    if how == "head":
        c.sendall(head[:8])
        os._exit(0)
    if how == "version":
        c.sendall(b"tmem 2 ok 10\n" + body)
    if how == "garbage":
        c.sendall(random.Random(1).randbytes(5000))
    if how == "endless":
        c.sendall(b"x" * 100000)
    if how == "huge":
        c.sendall(b"tmem 1 ok 99999999999999\n" + body)
    if how == "error":
        c.sendall(b"tmem 1 error 28 no\x1b[31m ro\xc2\x9bom\n")
    if how == "dribble":
        c.sendall(b"tmem 1 ok 1000\n")
        for i in range(1000):
            taken(c)
            c.sendall(b" ")
    if how == "other":
        c.sendall(head + body)
    if how == "long":
        c.sendall(head + body + b"and more")
    c.close()
END

# ask [NAME=VALUE]... PID - for its snapshot.
ask() {
	clocked "${@:1:$#-1}" snapshot -p "${!#}"
}

# as USER COMMAND... - as another user.
as() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

echo "TAP version 13"

# Where other users can execute it.
chmod 755 "$work"
cp "$tmemctl" "$work/tmemctl"
cp "$(dirname "$tmemctl")/libtmem.so.0" "$work/" 2>/dev/null || true
tmemctl=$work/tmemctl
export LD_LIBRARY_PATH=$work

serve
served=$pid
ask "$served"
check "a running program is asked" passed
check "and it is that one" printed "\"pid\": ?$served\\b"

ask 4194304
check "no such process" complained 1 'there is no process 4194304$'
background sleep infinity
other=$pid
ask "$other"
check "a process without the library" \
	complained 1 "process $other does not answer: it does not use libtmem"

if [[ $(id -u) -eq 0 ]] && as 54321 "$tmemctl" version >/dev/null 2>&1; then
	status=0
	as 54321 "$tmemctl" snapshot -p "$served" >"$work/out" \
		2>"$work/err" || status=$?
	check "root's program refuses another user" \
		complained 1 "process $served refuses: it answers to its own"
	serve setpriv --reuid 54321 --regid 54321 --clear-groups
	ask "$pid"
	check "root may ask any" passed
	status=0
	as 54321 "$tmemctl" snapshot -p "$pid" >"$work/out" \
		2>"$work/err" || status=$?
	check "and its own user" passed
	status=0
	as 54322 "$tmemctl" snapshot -p "$pid" >"$work/out" \
		2>"$work/err" || status=$?
	check "another is not even asked" \
		complained 1 "process $pid belongs to another user"
	status=0
	as 54322 "$tmemctl" top -b -n 1 >"$work/out" 2>"$work/err" ||
		status=$?
	check "nor shown" not_printed "\\b$pid\\b"
else
	skip "other users" "not root, or $work is closed to them"
fi

if ! command -v python3 >/dev/null; then
	skip "servers that lie" "no python3"
	finish
	exit
fi

# Thirty queues are full: they are those of strangers, and not waited for.
answer full
ask "$other"
check "names that take in nobody" \
	complained 1 "process $other does not answer: it does not use libtmem"
answer squat "$other"
ask "$other"
check "another process has its name" complained 1 \
	"process $pid of user $(id -u) has taken the name of process $other"

answer middle
ask "$pid"
check "one that dies in the middle" \
	complained 1 "process $pid (has ended while|broke off in the middle)"
answer head
ask "$pid"
check "or in its first line" \
	complained 1 "process $pid (has ended while|broke off in the middle)"
answer short
ask "$pid"
check "an answer that is too short" \
	complained 1 "process $pid broke off in the middle of its answer"
answer version
ask "$pid"
check "another version" \
	complained 1 "process $pid speaks version 2, this tool version 1"
for how in garbage endless huge; do
	answer $how
	ask "$pid"
	check "$how" complained 1 "process $pid gave no answer of libtmem's"
done
answer error
ask "$pid"
check "an error, which no terminal obeys" \
	complained 1 "process $pid says: no\\?\\[31m ro\\?\\?om"
answer other
ask "$pid"
check "an answer that is no snapshot" complained 1 "process $pid: "
answer long
ask "$pid"
check "what follows an answer is not read" complained 1 "process $pid: "

# Those that are slow: waiting takes no time.
answer silent
ask FAKE_LEAP=1 "$pid"
check "one that never answers" \
	complained 1 "process $pid has not answered for 10 seconds"
clocked FAKE_LEAP=1 FAKE_WAITED="$work/waited" top -b -n 1
check "the list says how many are silent" printed '[0-9]+ more do not answer'
check "and does not wait for each" \
	calc "$(cat "$work/waited") >= 3000 && $(cat "$work/waited") <= 4000"
answer dribble
ask FAKE_TICK_MS=100 "$pid"
check "one that answers a byte at a time" \
	complained 1 "process $pid has not answered for 10 seconds"

stopped() {
	local running
	running=$(grep -L '^State:.*T' "/proc/$served"/task/*/status) || true
	[[ -z $running ]]
}
kill -STOP "$served"
until_true stopped
ask FAKE_LEAP=1 "$served"
check "one that is stopped" \
	complained 1 "process $served has not answered for 10 seconds"
kill -CONT "$served"
ask "$served"
check "and goes on" passed

finish
