#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# attach.sh - asking running programs: that the right one answers, that no
# other user is answered, and that whatever is at the other end, the tool says
# what is wrong in one line.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

pids=()
end_all() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap end_all EXIT

make_trace 1 20000 "$work/trace"

# started PID - sets $pid once it can be asked, and ends it with the test.
started() {
	local i
	pid=$1
	disown
	pids+=("$pid")
	for ((i = 0; i < 100; i++)); do
		! grep -q "@tmem/$pid\$" /proc/net/unix || break
		sleep 0.1
	done
}

# serve [COMMAND...] - a program that can be asked; sets $pid.
serve() {
	env TMEM_CONTROL=on TMEM_ANALYTICS=all TMEM_BACKEND=anon "$@" \
		"$work/tmemctl" replay -r 10000 -t none "$work/trace" \
		>/dev/null 2>&1 &
	started $!
}

# answer HOW - a server of ours, for one request; sets $pid.
answer() {
	python3 "$work/server.py" "$1" >/dev/null &
	started $!
}

cat >"$work/server.py" <<'END'
import os, signal, socket, sys, time

signal.signal(signal.SIGPIPE, signal.SIG_DFL)

how, pid = sys.argv[1], os.getpid()
body = b'{"pid":1}\n'
s = socket.socket(socket.AF_UNIX)
if how == "squat":
    pid = int(sys.argv[2])
def fill(name):
    s = socket.socket(socket.AF_UNIX)
    s.bind(name)
    s.listen(0)
    held.append(s)
    try:
        while True:
            c = socket.socket(socket.AF_UNIX)
            c.setblocking(False)
            c.connect(name)
            held.append(c)
    except BlockingIOError:
        pass

held = []
if how == "full":
    for i in range(30):
        fill("\0tmem/1.full%d" % i)
s.bind("\0tmem/%d" % pid)
s.listen(5)
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
        c.sendall(os.urandom(5000))
    if how == "endless":
        c.sendall(b"x" * 100000)
    if how == "huge":
        c.sendall(b"tmem 1 ok 99999999999999\n" + body)
    if how == "error":
        c.sendall(b"tmem 1 error 28 no\x1b[31m ro\xc2\x9bom\n")
    if how == "dribble":
        c.sendall(b"tmem 1 ok 1000\n")
        for i in range(1000):
            c.sendall(b" ")
            time.sleep(0.1)
    if how == "silent":
        time.sleep(100)
    if how == "other":
        c.sendall(head + body)
    if how == "long":
        c.sendall(head + body + b"and more")
    c.close()
END

ask() {
	status=0
	timeout -k 5 60 "$work/tmemctl" snapshot -p "$1" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
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
export LD_LIBRARY_PATH=$work

serve
served=$pid
ask "$served"
check "a running program is asked" passed
check "and it is that one" printed "\"pid\": ?$served\\b"

ask 4194304
check "no such process" complained 1 'there is no process 4194304$'
sleep 100 &
other=$!
disown
pids+=("$other")
ask "$other"
check "a process without the library" \
	complained 1 "process $other does not answer: it does not use libtmem"

if [[ $(id -u) -eq 0 ]] && as 54321 "$work/tmemctl" version >/dev/null 2>&1; then
	status=0
	as 54321 "$work/tmemctl" snapshot -p "$served" >"$work/out" \
		2>"$work/err" || status=$?
	check "root's program refuses another user" \
		complained 1 "process $served refuses: it answers to its own"
	serve setpriv --reuid 54321 --regid 54321 --clear-groups
	ask "$pid"
	check "root may ask any" passed
	status=0
	as 54321 "$work/tmemctl" snapshot -p "$pid" >"$work/out" \
		2>"$work/err" || status=$?
	check "and its own user" passed
	status=0
	as 54322 "$work/tmemctl" snapshot -p "$pid" >"$work/out" \
		2>"$work/err" || status=$?
	check "another is not even asked" \
		complained 1 "process $pid belongs to another user"
	status=0
	as 54322 "$work/tmemctl" top -b -n 1 >"$work/out" 2>"$work/err" ||
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

# Slow ones at the same time.
answer silent
silent=$pid
"$work/tmemctl" snapshot -p "$silent" >"$work/silent.out" \
	2>"$work/silent.err" </dev/null &
asking=$!
kill -STOP "$served"
for ((i = 0; i < 100; i++)); do
	grep -L '^State:.*T' "/proc/$served"/task/*/status | grep -q . || break
	sleep 0.1
done
"$work/tmemctl" snapshot -p "$served" >"$work/stopped.out" \
	2>"$work/stopped.err" </dev/null &
stopped=$!

answer dribble
dribbler=$pid
"$work/tmemctl" snapshot -p "$dribbler" >"$work/dribbler.out" \
	2>"$work/dribbler.err" </dev/null &
dribbling=$!

# Thirty queues are full: they are somebody else's, and not waited for.
answer full
ask "$other"
check "names that take in nobody" \
	complained 1 "process $other does not answer: it does not use libtmem"
run_begin=$SECONDS
"$work/tmemctl" top -b -n 1 >"$work/out" 2>"$work/err" </dev/null
check "the list says who is silent" printed '[0-9]+ more do not answer'
check "and does not wait for all" test $((SECONDS - run_begin)) -lt 20

python3 "$work/server.py" squat "$other" &
squatter=$!
disown
pids+=("$squatter")
for ((i = 0; i < 100; i++)); do
	! grep -q "@tmem/$other\$" /proc/net/unix || break
	sleep 0.1
done
ask "$other"
check "somebody else has its name" complained 1 \
	"process $squatter of user $(id -u) has taken the name of process $other"

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

status=0
wait "$asking" || status=$?
cp "$work/silent.out" "$work/out"
cp "$work/silent.err" "$work/err"
check "one that never answers" \
	complained 1 "process $silent has not answered for 10 seconds"
status=0
wait "$dribbling" || status=$?
cp "$work/dribbler.out" "$work/out"
cp "$work/dribbler.err" "$work/err"
check "one that answers a byte at a time" \
	complained 1 "process $dribbler has not answered for 10 seconds"
status=0
wait "$stopped" || status=$?
cp "$work/stopped.out" "$work/out"
cp "$work/stopped.err" "$work/err"
check "one that is stopped" \
	complained 1 "process $served has not answered for 10 seconds"
kill -CONT "$served"
ask "$served"
check "and goes on" passed

finish
