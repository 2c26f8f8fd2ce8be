#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.sh - damaged traces.  Whatever the damage, tmemctl either replays
# the trace and says nothing on stderr, or refuses it with one line and prints
# nothing else.  It never crashes and never hangs.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# mutate SEED FROM TO - some bytes changed, cut out, doubled or cut off; or
# some lines lost, doubled, swapped, or a number in them replaced.
mutate() {
	perl -e '
	my ($seed, $from, $to) = @ARGV;
	srand($seed);
	sub below { int(rand($_[0])) }
	open(my $in, "<:raw", $from) or die;
	my $text = do { local $/; <$in> };
	my @odd = (0, 1, -1, 63, 1023, 1024, 65536, "", "x", " ", "0x10",
		2147483648, 4294967296, "140737488355328",
		"18446744073709551615", "18446744073709551616", "1e9", "007");
	my $lines = $text =~ /^# memtrace/ && below(3);
	for (0 .. below(4)) {
		my $n = length($text) or last;
		if ($lines) {
			my @l = split(/^/, $text);
			my ($i, $j, $kind) = (below(scalar @l), below(scalar @l), below(4));
			if ($kind == 0) { splice(@l, $i, 1) }
			elsif ($kind == 1) { splice(@l, $j, 0, $l[$i]) }
			elsif ($kind == 2) { @l[$i, $j] = @l[$j, $i] }
			else {
				my @w = split(/( )/, $l[$i]);
				my $k = below(scalar @w);
				$w[$k] = $odd[below(scalar @odd)] .
					($w[$k] =~ /\n/ ? "\n" : "");
				$l[$i] = join("", @w);
			}
			$text = join("", @l);
			next;
		}
		my ($at, $kind) = (below($n), below(5));
		if ($kind == 0) { substr($text, $at, 1) = chr(below(256)) }
		elsif ($kind == 1) { substr($text, $at, 1 + below(40)) = "" }
		elsif ($kind == 2) {
			substr($text, $at, 0) =
				substr($text, below($n), below(300)) }
		elsif ($kind == 3) { substr($text, $at) = "" }
		else { substr($text, $at, 1) ^= chr(1 << below(8)) }
	}
	open(my $out, ">:raw", $to) or die;
	print $out $text;' "$1" "$2" "$3"
}

# well_behaved - replayed in silence, or refused in one line.
well_behaved() {
	if [[ $status -eq 0 ]]; then
		passed
	else
		complained 1 '^tmemctl: '
	fi
}

# try NAME FROM - mutants of FROM, until one misbehaves.
try() {
	local i
	SECONDS=0 sound=0 tried=0
	for ((i = 0; ; i++)); do
		more_rounds $i 60 || break
		mutate "$((seed + i))" "$2" "$work/mutant" || return 1
		run replay --backend anon --touch none --repeat 1 --quiet \
			"$work/mutant"
		[[ $status -ne 0 ]] || sound=$((sound + 1))
		if ! well_behaved; then
			echo "# mutant of $1, seed $((seed + i)):" \
				"TMEM_SEED=$((seed + i)) TMEM_MUTANTS=1"
			return 1
		fi
		tried=$((tried + 1))
	done
	echo "# $1: $tried mutants, $sound of them still sound"
}

# If all mutants pass, nothing was damaged.
some_refused() {
	[[ $tried -gt 0 && $sound -lt $tried ]]
}

echo "TAP version 13"
echo "# TMEM_SEED=$seed"
make_trace 3 150 "$work/plain"
make_trace 1 150 "$work/one"
zstd -q -1 "$work/plain" -o "$work/packed"

check "damaged plain traces" try plain "$work/plain"
check "some of them were refused" some_refused
check "damaged traces of one thread" try one "$work/one"
check "some of them were refused" some_refused
check "damaged compressed traces" try packed "$work/packed"
check "some of them were refused" some_refused

finish
