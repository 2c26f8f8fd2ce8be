#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# badtrace.sh - a trace that is not sound is refused before anything is
# replayed: exit status 1, one line that names file, line and mistake.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

bad=$work/bad.trace

# refused LINE REGEX - $bad is, because of that line.
refused() {
	run replay --backend anon --repeat 1 --json "$bad"
	complained 1 "^tmemctl: $bad:$1: .*$2"
}

# trace RECORD... - $bad: header, a site, these records, and a right footer.
# The first record is line 3.
trace() {
	{
		echo "# memtrace 1  min=64 all=0"
		echo "s 1 app+0x10 main run.py:1:f run.py:2:g"
		printf '%s\n' "$@"
		printf '# end allocs=%d frees=%d sites=1 threads=9\n' \
			"$(printf '%s\n' "$@" | grep -c '^a ' || true)" \
			"$(printf '%s\n' "$@" | grep -c '^f ' || true)"
	} >"$bad"
}

# event TEXT REGEX RECORD... - the last record is what is wrong.
event() {
	local text=$1 regex=$2
	shift 2
	trace "$@"
	check "$text" refused $(($# + 2)) "$regex"
}

a0='a 0 4096 64 0 10 1'
a1='a 1 4096 64 1 20 1'

echo "TAP version 13"

# What all the others differ from, so that each fails for its own reason.
trace "$a0" "$a1" 'm 0 25 step 0' 'f 0 1 30' 'f 1 0 40'
run replay --backend anon --repeat 1 "$bad"
check "the pattern of these traces is sound" passed

# Blocks.
event "a block allocated twice" 'block 0 is allocated twice' "$a0" "$a0"
event "a block number left out" 'block 2 is out of order: 1 is next' \
	"$a0" 'a 2 64 64 0 20 1'
event "freed before its allocation" 'block 1 is freed before' \
	"$a0" 'f 1 0 20'
event "freed twice" 'block 0 is freed twice' "$a0" 'f 0 0 20' 'f 0 0 30'

# Numbers.
event "a negative thread" 'the thread is negative' 'a 0 64 64 -1 10 1'
event "thread 1024" 'thread 1024 is not in 0 to 1023' 'a 0 64 64 1024 10 1'
event "a free by thread 5000" 'thread 5000 is not' "$a0" 'f 0 5000 20'
event "a mark of thread 1024" 'thread 1024 is not' 'm 1024 10 step 0'
event "an absurd size" 'size 140737488355329 is absurd' \
	'a 0 140737488355329 64 0 10 1'
event "a size of more than 64 bits" 'the size is too large' \
	'a 0 99999999999999999999999 64 0 10 1'
event "a negative size" 'the size is negative' 'a 0 -64 64 0 10 1'
event "an absurd sum of sizes" 'live bytes are absurd' \
	'a 0 140737488355328 64 0 10 1' 'a 1 1 64 0 10 1'
event "an alignment of 0" 'alignment 0 is no power of two' 'a 0 64 0 0 10 1'
event "an alignment of 96" 'alignment 96 is no power of two' \
	'a 0 64 96 0 10 1'
event "an alignment of 2 GiB" 'alignment 2147483648 is above 1 GiB' \
	'a 0 64 2147483648 0 10 1'
event "time that runs backwards" 'the time runs backwards' \
	"$a0" 'a 1 64 64 0 9 1'
event "a word for a number" 'the size is no number' 'a 0 x 64 0 10 1'
event "a number with a tail" 'the size is no number' 'a 0 64k 64 0 10 1'
event "a plus sign" 'the block is no number' 'a +0 64 64 0 10 1'
event "two blanks" 'the size is no number' 'a 0  64 64 0 10 1'

# Records.
event "a missing field" 'the site is missing' 'a 0 64 64 0 10'
event "a field too many" 'something follows the last field' "$a0 7"
event "a free with a field too many" 'something follows' "$a0" 'f 0 0 20 1'
event "a site without its record" 'site 7 has no record' 'a 0 64 64 0 10 7'
event "a site recorded twice" 'site 1 is recorded twice' 's 1 app+0x10 - - -'
event "a site of absurd number" 'site 99999999 is above' 's 99999999 - - - -'
event "a site without frames" 'the call frames are missing' 's 2'
event "an unknown record" "unknown record 'x'" "$a0" 'x 1 2 3'
event "a record of binary rubbish" 'unknown record, first byte 0xff' \
	"$a0" $'\xff\xfe\x01'
event "a record without a blank" "unknown record 'a'" 'a'
event "an empty line" 'the line is empty' "$a0" ''
event "a line that ends as in DOS" 'the site is no number' "$a0"$'\r'
trace "$a0" "a 1 64 64 0 20 1 @"
sed -i 's/ @$/\x00/' "$bad"
check "a zero byte" refused 4 'the line holds a zero byte'
event "a line of 70000 bytes" 'longer than 65536 bytes' \
	"$a0" "m 0 20 $(printf '%070000d' 0)"
trace "$a0" "m 0 20 $(printf '%065000d' 0)"
run replay --backend anon --repeat 1 "$bad"
check "but not one of 65000" passed

# Header.
echo 'root:x:0:0:root:/root:/bin/bash' >"$bad"
check "a foreign file" refused 1 'no "# memtrace" header'
head -c 3000 /dev/zero >"$bad"
echo >>"$bad"
check "a file of zeroes" refused 1 'no "# memtrace" header'
: >"$bad"
check "an empty file" refused 1 'the file is empty'
trace "$a0"
sed -i '1s/1 /2 /' "$bad"
check "a format of the future" refused 1 'format version 2 is not known'
trace "$a0"
sed -i 1d "$bad"
check "a file without its header" refused 1 'no "# memtrace" header'

# Footer.
trace "$a0" "$a1"
sed -i '$d' "$bad"
check "a missing footer" refused 5 'cut off: it has no "# end" footer'
trace "$a0" "$a1"
head -c -1 "$bad" >"$bad.cut"
mv "$bad.cut" "$bad"
check "a last line without its newline" refused 5 'last line has no newline'
trace "$a0" "$a1"
head -c $(($(wc -c <"$bad") - 60)) "$bad" >"$bad.cut"
mv "$bad.cut" "$bad"
check "a file cut off within a record" refused 4 'cut off'
trace "$a0" "$a1"
sed -i 4d "$bad"
check "fewer allocations than the footer counts" \
	refused 4 'the footer counts allocs=2, the file has 1'
trace "$a0" "$a1" 'f 0 0 30'
sed -i 's/frees=1/frees=2/' "$bad"
check "fewer frees than the footer counts" \
	refused 6 'the footer counts frees=2, the file has 1'
trace "$a0" "$a1"
sed -i 's/sites=1/sites=4/' "$bad"
check "fewer sites than the footer counts" \
	refused 5 'the footer counts sites=4, the file has 1'
trace "$a0" "$a1"
sed -i 's/threads=9/threads=1/' "$bad"
check "more threads than the footer counts" \
	refused 5 'the footer counts threads=1, the file has 2'
trace "$a0"
sed -i 's/allocs=1 //' "$bad"
check "a footer without totals" refused 4 'the footer has no allocs='
trace "$a0"
sed -i 's/allocs=1/allocs=many/' "$bad"
check "a footer whose total is no number" refused 4 'allocs is no number'
trace "$a0"
echo 'f 0 0 20' >>"$bad"
check "a record after the footer" refused 5 'something follows the footer'
trace 'm 0 10 end'
check "a trace without events" refused 5 'the trace has no event'

# Compressed.
trace "$a0" "$a1"
for ((i = 0; i < 20000; i++)); do
	echo "# filler $((i * 7919 % 10007)) $((i * 104729 % 20011))"
done >"$work/filler"
sed -i "4r $work/filler" "$bad"
zstd -q "$bad" -o "$work/whole.zst"
run replay --backend anon --repeat 1 "$work/whole.zst"
check "a compressed trace with much filling is sound" passed
for part in 5 50 95; do
	bytes=$(($(wc -c <"$work/whole.zst") * part / 100))
	head -c "$bytes" "$work/whole.zst" >"$bad"
	check "a zstd stream cut off at $part %" \
		refused '[0-9]+' 'the zstd stream is cut off'
done
head -c -1 "$work/whole.zst" >"$bad"
check "a zstd stream that lacks its last byte" \
	refused '[0-9]+' 'the zstd stream is cut off'
{ cat "$work/whole.zst"; echo rubbish; } >"$bad"
check "rubbish behind a zstd stream" \
	refused '[0-9]+' 'the zstd stream is damaged'
printf '\x28\xb5\x2f\xfd\xff\xff\xff\xff' >"$bad"
check "a zstd stream that is none" refused 1 'the zstd stream'

# No file at all.
run replay "$work/nothing"
check "a file that does not exist" \
	complained 1 "^tmemctl: $work/nothing: No such file or directory$"
run replay "$work"
check "a folder" complained 1 "^tmemctl: $work: Is a directory$"
run replay /dev/zero
check "an endless file" complained 1 '^tmemctl: /dev/zero:1: .*longer than'
run replay $'two\nlines'
check "a name of two lines makes one line" \
	complained 1 '^tmemctl: two\?lines: No such file'
if [[ $(id -u) -ne 0 ]]; then
	trace "$a0"
	chmod 0 "$bad"
	run replay "$bad"
	check "a file that may not be read" complained 1 'Permission denied'
else
	skip "a file that may not be read" "root may read all"
fi

# Sound, but more than there is: 2^46 bytes.
trace "$a0" 'a 1 70368744177664 64 0 20 1' 'f 0 0 30'
run replay --backend anon --json "$bad"
check "an allocation that fails ends the replay" \
	complained 1 'event 2: the allocation of 70368744177664 bytes failed'
trace "$a0" 'a 1 70368744177664 64 1 20 1' 'f 0 1 30' 'f 1 0 40'
run replay --backend anon --json "$bad"
check "and in a trace of two threads nobody waits for the block" \
	complained 1 'event 2: the allocation of 70368744177664 bytes failed'

finish
