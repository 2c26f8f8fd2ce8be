#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# soak.pl - fuzzers, races and storms, and all tests that draw random numbers, with
# another seed each time.  `make soak` calls it.
#
# Runs for SOAK_MINUTES (30), one program after the other, on this machine and in
# a virtual one, and goes on the next time where it ended.  Prints a line a minute,
# and of a failure all of it with the command that repeats it; these are kept in
# build/soak/failures.  The last line is "N passed, N failed, N skipped".

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Time::HiRes qw(time);
use Results;

$| = 1;
chdir "$FindBin::Bin/.." or die;
my $logs = 'build/soak';
my $needed_mib = 3000;
my $minutes = $ENV{SOAK_MINUTES} // 30;
# Of each loop in a program: where chance is all there is, and elsewhere.
my ($soak_seconds, $seconds) = (30, 3);
my $given_seed = $ENV{TMEM_SEED}; # one seed instead of random ones
my ($begin, $now, $runs) = (time, 'building', 0);

# --- what is run ------------------------------------------------------------------

# Its C or its shell source draws random numbers.
sub draws {
	my ($program) = @_;
	return slurp("selftests/$program.c") =~ /\bpace_seed\(/
	  || slurp("selftests/$program.sh") =~ /\bmore_rounds\b/;
}

# Library programs run with each sanitizer that says something of them; those of
# the module on another kernel in each round.
sub units {
	my (@host, @guest, @units);

	for my $p (levels()) {
		my ($folder, $name) = split m,/,, $p->{name};
		my %unit = (folder => $folder, name => $name,
			seconds => $p->{level} eq 'soak' ? $soak_seconds : $seconds);
		next unless $p->{level} eq 'soak' || draws($p->{name});
		push @host, { %unit, kind => 'tool' } if $folder eq 'tool';
		push @host, { %unit, kind => 'lib-asan' } if $folder eq 'lib';
		push @host, { %unit, kind => 'lib-tsan' } if $p->{tags}{tsan};
		push @guest, \%unit if $folder eq 'kmod';
	}
	while (@host || @guest) {
		push @units, splice(@host, 0, 3), splice(@guest, 0, 1);
	}
	return @units;
}

sub random_seed {
	return $given_seed if defined $given_seed;
	open(my $in, '<', '/dev/urandom') or die "/dev/urandom: $!\n";
	read($in, my $bytes, 4);
	return unpack('L', $bytes);
}

# --- running ----------------------------------------------------------------------

sub build {
	my (@targets) = @_;
	my $status = child_command("$logs/build.log", 'make', '-j' . cores(), @targets);
	return if !$status;
	print clean(tail_of(slurp("$logs/build.log"), 40));
	die "the build failed\n";
}

sub kernel_of {
	my ($round) = @_;
	return $round % 2 ? '6.1' : '6.12';
}

# The command of a unit, with which a failure repeats.
sub command {
	my ($unit, $seed, $round) = @_;
	my @set = ("TMEM_SEED=$seed", "TMEM_SOAK_SECONDS=$unit->{seconds}");

	return ('env', @set, "selftests/tool/$unit->{name}.sh")
	  if ($unit->{kind} // '') eq 'tool';
	return ('env', @set, 'TMEM_BACKEND=anon', 'setarch', '-R',
		"build/selftests/$unit->{kind}/$unit->{name}") if $unit->{kind};
	return ('selftests/vm/run.sh', '--kernel', kernel_of($round), '--nodes', 2,
		'--timeout', 3600, '--', 'env', @set, "build/selftests/kmod/$unit->{name}");
}

sub run_unit {
	my ($unit, $round) = @_;
	my $seed = random_seed();
	my @command = command($unit, $seed, $round);
	my $failed = $Results::count{failed};
	my $name = ($unit->{kind} // 'vm-' . kernel_of($round)) . "/$unit->{name}";

	$now = "$name TMEM_SEED=$seed";
	run_jobs(1, {
		name => $name,
		command => \@command,
		log => "$logs/$name.log",
		limit => 3700,
	});
	$runs++;
	return if $Results::count{failed} == $failed;
	print "  again: @command\n";
	system('cp', "$logs/$name.log", "$logs/failure-$seed.log");
	open(my $out, '>>', "$logs/failures") or die "cannot write $logs/failures: $!\n";
	print $out "@command\n";
}

sub minute {
	printf("%3d min: %d programs, %d failed; now %s\n", (time - $begin) / 60 + 0.5, $runs,
		$Results::count{failed}, $now);
}

# --- where the last run ended -----------------------------------------------------

sub place_load {
	return slurp("$logs/place") =~ /^(\d+)$/ ? $1 : 0;
}

sub place_save {
	my ($place) = @_;
	open(my $out, '>', "$logs/place.new") or die "cannot write $logs/place.new: $!\n";
	print $out "$place\n";
	close($out) && rename("$logs/place.new", "$logs/place")
	  or die "cannot write $logs/place: $!\n";
}

sub main {
	my @units = units();
	my $place;

	$minutes =~ /^[1-9]\d*$/ or die "SOAK_MINUTES is '$minutes', not a number of minutes\n";
	!defined $given_seed || $given_seed =~ /^\d+$/
	  or die "TMEM_SEED is '$given_seed', not a number\n";
	clear_environment();
	claim_machine($logs, $needed_mib);
	print "soak: $minutes minutes; packages, kernels and builds first\n";
	for (['tools/build/packages.sh', '--check'], ['tools/build/kernels.sh']) {
		child_command("$logs/prepare.log", @$_) == 0
		  or die tail_of(slurp("$logs/prepare.log"), 5) . "@$_ failed\n";
	}
	build('tool', 'modules', script_helpers(), map {
		'build/selftests/' . ($_->{kind} // 'kmod') . "/$_->{name}" }
	  grep { ($_->{kind} // '') ne 'tool' } @units);
	$Results::quiet = 1;
	$begin = time;
	every(60, \&minute, sub {
		for ($place = place_load(); time < $begin + 60 * $minutes; $place++) {
			run_unit($units[$place % @units], int($place / @units));
			place_save($place + 1);
		}
	});
	minute();
	return summary();
}

run_main(\&main);
