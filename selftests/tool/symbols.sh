#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# symbols.sh - addresses get the names that the compiler gave them: functions
# of C, C++ and hidden ones, with file and line, also where a file's offsets are
# not its addresses; and never those of another build.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json

if ! command -v g++ >/dev/null || ! command -v nm >/dev/null; then
	echo "1..0 # SKIP no g++ and nm to make programs with"
	exit 0
fi

cat >"$work/probe.cc" <<'END'
namespace probe {
template <typename T> struct tensor { T *data; void grow(unsigned long); };
template <typename T> void tensor<T>::grow(unsigned long n)
{
	data += n;
}
template struct tensor<float>;
}
extern "C" int plain_c(int x)
{
	return x * 3;
}
static __attribute__((noinline, used)) int hidden(int x)
{
	return x ? plain_c(x) : 7;
}
static inline __attribute__((always_inline)) int inner(volatile int *x)
{
	return *x;
}
__attribute__((noinline)) int outer(volatile int *x)
{
	return inner(x);
}
int main(int argc, char **)
{
	return hidden(argc) + outer(&argc);
}
END

# build NAME OPTION... - $work/NAME from it.
build() {
	local name=$1
	shift
	g++ -O1 -g "$@" -o "$work/$name" "$work/probe.cc"
}

# place FILE SYMBOL - the offset in FILE of the byte behind SYMBOL's first, as
# if a call returned there.  By the program headers, as readelf shows them.
place() {
	"$python" -c '
import subprocess, sys
lines = lambda *a: subprocess.run(a, check=True, text=True,
	capture_output=True).stdout.splitlines()
address = [int(l.split()[0], 16) for l in lines("nm", sys.argv[1])
	if l.endswith(" " + sys.argv[2])][0]
for l in lines("readelf", "-lW", sys.argv[1]):
	w = l.split()
	if w and w[0] == "LOAD":
		offset, start, size = int(w[1], 16), int(w[2], 16), int(w[4], 16)
		if start <= address < start + size:
			print(address - start + offset + 1)' "$work/$1" "$2"
}

# line FILE SYMBOL - "probe.cc:LINE" of its first byte, as binutils say.
line() {
	addr2line -e "$work/$1" "0x$(nm "$work/$1" |
		sed -n "s/ [tTwW] $2\$//p")" | sed 's:.*/::; s: (.*::'
}

id_of() {
	readelf -n "$work/$1" | sed -n 's/.*Build ID: //p'
}

# snap FILE ID SYMBOL... - site 3 has frames in these functions of FILE, which
# was mapped in one piece somewhere, said to have build-id ID.
snap() {
	local file=$1 id=$2 offsets=
	shift 2
	for symbol; do
		offsets+=$(place "$file" "$symbol"),
	done
	edit "base = 0x5500deadb000
d['modules'].append(dict(base=hex(base), end=hex(base + (1 << 30)), offset=0,
	path='$work/$file', build_id='$id'))
d['sites'][2].update(label='', frames=[hex(base + o) for o in [$offsets]])"
}

grow=_ZN5probe6tensorIfE4growEm

echo "TAP version 13"
echo "# TMEM_SEED=$seed"

build pie
build exec -no-pie
build library.so -shared -fPIC
build stripped -s
build high.so -shared -fPIC -Wl,-Ttext-segment=0x40000000
build other -O2 -DOTHER

for file in pie exec library.so high.so; do
	snap "$file" "$(id_of "$file")" "$grow" plain_c _ZL6hiddeni
	run leaks "$edited"
	check "$file: passes" passed
	check "C++, without its arguments" printed \
		"^site 3: probe::tensor<float>::grow at $(line "$file" "$grow")$"
	check "C" printed "^ +plain_c at $(line "$file" plain_c)$"
	check "what is hidden" printed \
		"^ +(plain_c at .* in )?hidden( at $(line "$file" _ZL6hiddeni))?$"
	check "nothing to note" not_printed 'no symbols'
done

snap pie "$(id_of pie)" "$grow" main
run leaks --json "$edited"
check "in JSON" holds '[(f["function"], f["file"].split("/")[-1])
	for f in d["leaks"][0]["frames"]] == [
	("probe::tensor<float>::grow", "probe.cc"), ("main", "probe.cc")] and
	all(0 < f["line"] < 30 for f in d["leaks"][0]["frames"])'
snapshot leaks --json "$edited"
check "not if no file is to be opened" holds 'd["leaks"][0]["frames"][0]
	["function"] is None'
run snapshot -f collapsed "$edited"
check "in stacks" printed ';main;probe::tensor<float>::grow 8192000$'
run snapshot -f pprof "$edited"
check "in profiles" printed '^0x00005500deadc.* probe::tensor<float>::grow$'

# A call may be the last instruction of its function: the return address is
# that of the next one, or the end of what was mapped.
snap pie "$(id_of pie)" "$grow"
edit 'd["sites"][2]["frames"] = [hex(int(d["sites"][2]["frames"][0], 16) - 1)]
m = d["modules"][-1]
d["sites"][2]["frames"] += [m["end"], m["base"]]' "$edited" "$edited"
run leaks "$edited"
check "a return address is not where the call is" not_printed 'tensor'
check "nor in another file" printed '^ +pie\+0x40000000$'
check "what lies before the file is not in it" printed '^ +0x5500deadb000$'

# Another build of the same program.
cp "$work/other" "$work/pie2"
snap pie "$(id_of pie)" "$grow"
mv "$work/pie2" "$work/pie"
run leaks "$edited"
check "another build is not used" printed '^site 3: pie\+0x1'
check "and that is said" printed \
	'^no symbols of .*/pie: another build than the one that ran \(build-id [0-9a-f]{12}, not [0-9a-f]{12}\)$'
edit "d['modules'] = d['modules'][2:]" "$edited" "$edited"
run snapshot -f collapsed "$edited"
check "also with an export" one_line \
	'^tmemctl: no symbols of .*: another build than'
check "which is made" equal "$status" 0

# Its first instruction is that of the function inside.
snap library.so "" _Z5outerPVi
run leaks "$edited"
check "an inlined function is named, and in which" printed \
	'^site 3: inner at probe\.cc:19 in outer$'
run snapshot -f collapsed "$edited"
check "exports have the outer one" printed ';outer 8192000$'

if command -v clang++ >/dev/null; then
	clang++ -O0 -g -o "$work/clang" "$work/probe.cc"
	snap clang "$(id_of clang)" main
	run leaks "$edited"
	check "clang's programs have lines too" \
		printed "^site 3: main at $(line clang main)$"
else
	skip "clang's programs have lines too" "no clang++"
fi

snap exec "" main
run leaks "$edited"
check "without a build-id in the snapshot the file is used" \
	printed "^site 3: main at $(line exec main)$"
edit "d['modules'].append(dict(base='0x1000', end='0x9000', offset=0,
	path='$work/stripped', build_id='$(id_of stripped)'))
d['sites'][2].update(label='', frames=['0x2100', '0x0', '0x1001',
	'0xffffffffffffffff'])"
run leaks "$edited"
check "without symbols it is file and offset" \
	printed '^site 3: stripped\+0x1100$'
check "an address of no file is itself" printed '^ +0xffffffffffffffff$'
check "so is none" printed '^ +0x0$'

# A stranger's snapshot must not choose files for root to take apart.
if [[ $(id -u) -eq 0 ]]; then
	snap exec "$(id_of exec)" main
	chown 65534 "$edited"
	run leaks "$edited"
	check "another user's snapshot opens no files" printed '^site 3: exec\+0x'
	check "and that is said" printed "^no symbols: the snapshot is another"
	run leaks --json "$edited"
	check "in JSON too" holds 'd["no_symbols"][0]["path"] is None'
	run snapshot -f collapsed "$edited"
	check "and with an export" one_line '^tmemctl: no symbols: the snapshot'
	run leaks --symbols "$edited"
	check "unless it is asked for" printed '^site 3: main at'
	run diff "$before" "$edited"
	check "two snapshots, one of them another's" \
		printed '^no symbols: the snapshot'
	chown 0 "$edited"
else
	skip "another user's snapshot opens no files" "not root"
fi

mkfifo "$work/pipe"
rubbish 4096 >"$work/noise"
{ head -c 3000 "$work/exec" && head -c 9000 /dev/zero; } >"$work/half"
for path in "$work/pipe" /dev/zero "$work" "$work/noise" "$work/half" '' \
	'[vdso]' '//anon' ../x; do
	edit "d['modules'][0].update(path='$path', build_id='')"
	run leaks "$edited"
	check "a module that is '${path##*/}' is no trouble" equal \
		"$status $(wc -l <"$work/err")" "0 0"
	check "and the leak has its label" printed '^site 3: metrics'
done

# Whatever is in a file that a snapshot names, nothing crashes.
damage='
def mutate(r, data):
	b = bytearray(data)
	for _ in range(200):
		b[r.randrange(len(b) if r.random() < 0.5 else 4096)] = \
			r.randrange(256)
	return b
'

damaged() {
	local i
	for ((i = 0; ; i++)); do
		more_rounds $i 30 || break
		mutant $i "$damage" "$work/exec"
		run leaks "$1"
		if [[ $status -ne 0 || -s $work/err ]]; then
			echo "# TMEM_SEED=$((seed + i)) TMEM_MUTANTS=1"
			return 1
		fi
	done
}
cp "$work/exec" "$work/mutant"
snap mutant "" "$grow" plain_c _ZL6hiddeni main
cp "$edited" "$work/mutant.json"
check "damaged programs" damaged "$work/mutant.json"

finish
