# SPDX-License-Identifier: GPL-2.0-only
#
# Results.pm - run test programs, judge their TAP, and count.  Used by run.pl
# and soak.pl.  The TAP itself is read by TAP::Parser, which prove(1) uses.

package Results;

use strict;
use warnings;
use Errno;
use Fcntl qw(:flock);
use FindBin;
use POSIX qw(:sys_wait_h setpgid);
use TAP::Parser;
use Time::HiRes qw(time);
use Exporter 'import';

our @EXPORT = qw(
  claim_machine child_command run_jobs each_line judge problem
  add_seconds summary clear_environment cores hang_limit slurp open_log tail_of
  clean levels script_helpers run_main every
);

our $quiet = 0; # only what failed is printed
our %count = (passed => 0, failed => 0, skipped => 0);
my (@failures, @skips, @slow, @groups, %group_seconds);
my %running; # process group => 1

# --- what runs must not depend on -------------------------------------------------

# What the caller has set for the library, or for make, does not reach a test.
sub clear_environment {
	for my $name (keys %ENV) {
		next if $name =~ /^TMEM_(?:CACHE|VM_\w+)$/;
		delete $ENV{$name}
		  if $name =~ /^TMEM|^(?:MAKEFLAGS|MAKELEVEL|MFLAGS|CFLAGS|LDFLAGS|CC|B)$/
		  || $name =~ /^(?:LD_PRELOAD|MEMORY_PRESSURE_\w+|MALLOC_\w+)$/;
	}
	$ENV{LC_ALL} = 'C';
	$ENV{ASAN_OPTIONS} = 'detect_stack_use_after_return=1';
	$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';
	# A thread of the library may outlive exit(), which waits 200 ms for it.
	$ENV{TSAN_OPTIONS} = 'halt_on_error=1:report_thread_leaks=0:atexit_sleep_ms=0';
}

# One run at a time in a checkout, with room on the disk, or one clear line.
sub claim_machine {
	my ($folder, $needed_mib) = @_;

	system('mkdir', '-p', $folder) == 0 or die "cannot make $folder\n";
	open(our $lock, '>>', "$folder/lock") or die "cannot write $folder/lock: $!\n";
	flock($lock, LOCK_EX | LOCK_NB)
	  or die "another run is at work in this checkout ($folder/lock is held)\n";
	my $free = (split ' ', `df -Pm $folder | tail -n 1`)[3] // 0;
	die "the disk is full: $free MiB are free in $folder, a run needs $needed_mib\n"
	  if $free < $needed_mib;
}

sub cores {
	my $n = `nproc` + 0;
	return $n > 1 ? $n : 1;
}

# The table of all programs: a list of { name, level, tags }.
sub levels {
	my @programs;

	open(my $in, '<', 'selftests/levels') or die "selftests/levels: $!\n";
	while (<$in>) {
		next if /^\s*(?:#|$)/;
		my ($name, $level, @tags) = split;
		die "selftests/levels:$.: no level '$level'\n"
		  unless $level =~ /^(?:check|full|soak)$/;
		push @programs, { name => $name, level => $level, tags => { map { $_ => 1 } @tags } };
	}
	return @programs;
}

# What the tests of tmemctl preload.
sub script_helpers {
	return map { s,^selftests/(.*)\.c$,build/selftests/$1.so,r } glob('selftests/tool/*.c');
}

# The kselftest "settings" file says after how many seconds a program hangs.
sub hang_limit {
	my ($folder) = @_;
	open(my $in, '<', "selftests/$folder/settings")
	  or die "cannot read selftests/$folder/settings: $!\n";
	while (<$in>) {
		return $1 if /^timeout=(\d+)$/;
	}
	die "selftests/$folder/settings has no timeout=\n";
}

# run_main MAIN - the program's end: MAIN's result, or one line of what it died of.
sub run_main {
	my ($main) = @_;
	my $status = eval { $main->() };

	if (!defined $status) {
		print STDERR "$FindBin::Script: $@";
		exit 1;
	}
	exit $status;
}

# --- processes --------------------------------------------------------------------

# Nothing that was started survives this process, however it ends.
sub end_all {
	for my $signal ('TERM', 'KILL') {
		kill($signal, -$_) for keys %running;
		for (1 .. 100) {
			while ((my $pid = waitpid(-1, WNOHANG)) > 0) {
				delete $running{$pid};
			}
			last unless %running;
			select(undef, undef, undef, 0.1);
		}
	}
}

for my $signal (qw(INT TERM HUP)) {
	$SIG{$signal} = sub {
		end_all();
		print "\ninterrupted: nothing is left running\n";
		exit 130;
	};
}
END { my $status = $?; end_all() if %running; $? = $status; }

# A child in a process group of its own.  It ends when this process does.
sub start {
	my ($command, $out, $err, $env) = @_;
	my $pid = fork() // die "fork: $!\n";

	if (!$pid) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		setpgid(0, 0);
		%ENV = (%ENV, %{ $env // {} });
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>&', $out) or POSIX::_exit(126);
		open(STDERR, '>&', $err) or POSIX::_exit(126);
		exec('setpriv', '--pdeathsig', 'TERM', @$command)
		  or POSIX::_exit(127);
	}
	setpgid($pid, $pid);
	$running{$pid} = 1;
	return $pid;
}

# finish PID - its wait status.  Alarms may interrupt.
sub finish {
	my ($pid) = @_;

	1 while waitpid($pid, 0) < 0 && $!{EINTR};
	my $status = $?;
	delete $running{$pid};
	return $status;
}

# every SECONDS, CALL, WORK - CALL now and then while WORK runs; WORK's result.
sub every {
	my ($seconds, $call, $work) = @_;
	local $SIG{ALRM} = sub { $call->(); alarm($seconds); };

	alarm($seconds);
	my $result = $work->();
	alarm(0);
	return $result;
}

sub open_log {
	my ($log) = @_;
	(my $folder = $log) =~ s,/[^/]*$,,;
	system('mkdir', '-p', $folder);
	open(my $out, '>', $log) or die "cannot write $log: $!\n";
	return $out;
}

sub slurp {
	my ($log) = @_;
	open(my $in, '<', $log) or return '';
	local $/;
	return <$in> // '';
}

# child_command LOG COMMAND - not a test: its output goes to the log.  Returns its
# wait status.
sub child_command {
	my ($log, @command) = @_;
	my $out = open_log($log);

	return finish(start(\@command, $out, $out));
}

# each_line LOG COMMAND CALL - CALL gets each line of the command's output as it
# comes; its standard error goes to the log.  Returns its wait status.
sub each_line {
	my ($log, $command, $call) = @_;
	my $err = open_log($log);

	pipe(my $read, my $write) or die "pipe: $!\n";
	my $pid = start($command, $write, $err);
	close($write);
	while (my $line = <$read>) {
		$call->($line);
	}
	return finish($pid);
}

# run_jobs COUNT, {name, command, log, limit, env}... - COUNT at a time.
sub run_jobs {
	my ($count, @jobs) = @_;
	my %job;

	while (@jobs || %job) {
		while (@jobs && keys %job < $count) {
			my $j = shift @jobs;
			my $out = open_log($j->{log});
			my @command = ('timeout', '-k', '5', $j->{limit}, @{ $j->{command} });

			$j->{start} = time;
			$job{ start(\@command, $out, $out, $j->{env}) } = $j;
		}
		my $pid = waitpid(-1, 0);
		next if $pid < 0 && $!{EINTR};
		last if $pid < 0;
		my $status = $?;
		kill('KILL', -$pid); # what the program left behind
		delete $running{$pid};
		my $j = delete $job{$pid} or next;
		judge($j->{name}, slurp($j->{log}), $status, time - $j->{start});
	}
}

# --- results ----------------------------------------------------------------------

# Bad input is printed by the tests of it; what people see stays text.
sub clean {
	my ($text) = @_;
	$text =~ tr/\t\n\x20-\x7e/?/c;
	return $text;
}

# What led to each "not ok": the lines since the result before it.
sub show_failures {
	my ($text) = @_;
	my @lines;
	my $shown = '';

	for my $line (split /\n/, $text) {
		if ($line =~ /^not ok\b/) {
			splice(@lines, 0, @lines - 70) if @lines > 70;
			$shown .= join('', map { "      $_\n" } @lines, $line);
			@lines = ();
		} elsif ($line =~ /^ok\b/) {
			@lines = ();
		} else {
			push @lines, $line;
		}
	}
	return $shown;
}

sub tail_of {
	my ($text, $count) = @_;
	my @lines = split /\n/, $text;
	splice(@lines, 0, @lines - $count) if @lines > $count;
	return join('', map { "      $_\n" } @lines);
}

# problem NAME, WHAT - a failure that no program printed.
sub problem {
	my ($name, $what) = @_;
	$count{failed}++;
	push @failures, "$name: $what";
	print "      $name: $what\n";
}

# What is wrong beyond the results; '' if nothing.  STATUS is a wait status.
sub wrong_end {
	my ($parser, $status, $seen) = @_;
	my $code = $status >> 8;

	return 'ended after the time limit (it hung)' if $code == 124 || $code == 137;
	return 'ended by signal ' . ($status & 127) if $status & 127;
	return 'ended by signal ' . ($code - 128) if $code > 128;
	return "no result (exit status $code)" if !$seen;
	return join('; ', $parser->parse_errors) if $parser->parse_errors;
	return "exit status $code, but no test failed" if $code && !$parser->failed;
	return '';
}

# judge NAME, TEXT, STATUS, SECONDS - count one program and print its line.
sub judge {
	my ($name, $text, $status, $seconds) = @_;
	my ($passed, $failed, $skipped) = (0, 0, 0);
	my $parser = TAP::Parser->new({ tap => $text || "\n" });

	while (my $result = $parser->next) {
		next unless $result->is_test;
		if ($result->has_skip) {
			$skipped++;
			push @skips, "$name: " . $result->explanation;
		} elsif ($result->is_actual_ok) {
			$passed++;
		} else {
			$failed++;
			push @failures, "$name: " . $result->description =~ s/^- //r;
		}
	}
	my $seen = $passed + $failed + $skipped;
	my $wrong = '';
	if (!$seen && defined $parser->skip_all) {
		$skipped = 1;
		push @skips, "$name: " . $parser->skip_all;
	} else {
		$wrong = wrong_end($parser, $status, $seen);
	}
	$count{passed} += $passed;
	$count{failed} += $failed;
	$count{skipped} += $skipped;
	my $line = "$passed passed";
	$line .= ", $failed FAILED" if $failed;
	$line .= ", $skipped skipped" if $skipped;
	printf("  %-34s %-34s %6.1f s\n", $name, $line, $seconds)
	  if !$quiet || $failed || $wrong;
	print clean(show_failures($text));
	if ($wrong) {
		print clean(tail_of($text, 15));
		problem($name, $wrong);
	}
	push @slow, [$seconds, $name];
	return !$failed && !$wrong;
}

# add_seconds GROUP, SECONDS - what a step of the run has taken.
sub add_seconds {
	my ($group, $seconds) = @_;
	push @groups, $group unless exists $group_seconds{$group};
	$group_seconds{$group} += $seconds;
}

# The same reason in many programs is one line.
sub print_skips {
	my (%names, @reasons);

	for (@skips) {
		my ($name, $reason) = /^([^:]*): (.*)/s;
		push @reasons, $reason unless $names{$reason};
		push @{ $names{$reason} }, $name;
	}
	print "skipped:\n" if @reasons;
	print clean("  $_ (" . join(' ', @{ $names{$_} }) . ")\n") for @reasons;
}

# The lists, and last the line that others look for.  Returns the exit status.
sub summary {
	my $total = 0;

	@slow = sort { $b->[0] <=> $a->[0] } @slow;
	splice(@slow, 10) if @slow > 10;
	print_skips();
	print "the slowest programs:\n" if @slow;
	printf("  %6.1f s  %s\n", @$_) for @slow;
	print "time by group:\n" if @groups;
	for my $group (@groups) {
		printf("  %6.1f s  %s\n", $group_seconds{$group}, $group);
		$total += $group_seconds{$group};
	}
	printf("  %6.1f s  in all\n", $total) if @groups;
	print "failed:\n" if @failures;
	print clean("  $_\n") for @failures;
	print "$count{passed} passed, $count{failed} failed, $count{skipped} skipped\n";
	return $count{failed} == 0 && $count{passed} > 0 ? 0 : 1;
}

1;
