#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# run.pl - build and run the tests of a level, step by step, and count them.
# `make check` and `make check-full` call it.
#
# The last line is "N passed, N failed, N skipped".  Exit status 1 if a test
# failed, or none was run.  All output of the programs is in build/check/.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Time::HiRes qw(time);
use Results;

$| = 1;
chdir "$FindBin::Bin/.." or die;
my $logs = 'build/check';
my $needed_mib = 3000;

sub usage {
	print <<'END';
usage: selftests/run.pl check | full | GROUP...

  check  the gate (make check): stops at the first step that fails
  full   the gate, and all the groups below (make check-full)

Groups.  The packages, kernels and builds that they take are made first.
  lint          what is said about the sources in seconds
  asan          the library's programs, with AddressSanitizer and UBSan
  tool          tests of tmemctl
  module        the module built with W=1 for each kernel
  vm            one machine: the module's tests, the library on /dev/tmem, and
                a replay
  lint-deep     clang, sparse, checkpatch, holes in structures
  asan-full     the library's slow programs
  plain         programs of which a sanitizer leaves out a part
  tsan          the programs with threads, with ThreadSanitizer
  valgrind      some programs in memcheck
  watched       some programs with the analytics and the monitor on
  tool-full     tests that take a browser, PyTorch or the benchmarks
  vm-6.12       the module's slow tests, and more of the library on /dev/tmem
  vm-6.12-flat  the machine of "vm" without NUMA and PSI
  vm-6.1        "vm" and "vm-6.12" on the other kernel
  debug-tests, debug-recall, debug-faults, debug-controls
                the debug kernel (KASAN, lockdep, kmemleak, faults injected)

selftests/levels says which program belongs where.
END
}

my @check = qw(lint asan tool module vm);
my @full = (@check, qw(lint-deep asan-full plain tsan valgrind watched tool-full vm-6.12
  vm-6.12-flat vm-6.1 debug-tests debug-recall debug-faults debug-controls));
my @levels = levels();

# --- which programs ---------------------------------------------------------------

# programs FOLDER, SUB - the names of those in the folder that SUB wants.
sub programs {
	my ($folder, $want) = @_;
	return map { $_->{name} =~ m,^\Q$folder\E/(.*),; $1 // () }
	  grep { $want->($_) } grep { $_->{name} =~ m,^\Q$folder\E/, } @levels;
}

sub at_level {
	my ($folder, $level) = @_;
	return programs($folder, sub { $_[0]{level} eq $level });
}

sub tagged {
	my ($folder, $tag) = @_;
	return programs($folder, sub { $_[0]{tags}{$tag} && $_[0]{level} ne 'soak' });
}

# --- steps that are no tests ------------------------------------------------------

my $step = 0;
my $prepared = 0; # seconds

sub announce {
	my ($what) = @_;
	$step++;
	print "[$step] $what\n";
}

# prepare WHAT, COMMAND - something that the next step needs; or the run ends.
sub prepare {
	my ($what, @command) = @_;
	my $start = time;

	announce($what);
	my $log = "$logs/prepare-$step.log";
	my $status = every(15, sub { print clean(tail_of(slurp($log), 1)) },
		sub { child_command($log, @command) });
	$prepared += time - $start;
	return 1 if !$status;
	print clean(tail_of(slurp($log), 40));
	problem($what, 'failed');
	return 0;
}

my %ready;

# once KEY, SUB - several groups need it.
sub once {
	my ($key, $call) = @_;
	$ready{$key} = $call->() unless exists $ready{$key};
	return $ready{$key};
}

sub packages {
	my ($set) = @_;
	return once("packages $set", sub {
		prepare("installing packages that are missing ($set)",
			'tools/build/packages.sh', "--$set");
	});
}

# build WHAT, TARGET... - by the Makefile; a warning is a failure.
sub build {
	my ($what, @targets) = @_;
	my $log = "$logs/prepare-" . ($step + 1) . '.log';

	prepare("building: $what", 'make', '-j' . cores(), @targets) or return 0;
	return 1 if slurp($log) !~ /\bwarning:/;
	print clean(slurp($log));
	problem("building: $what", 'the compiler warned');
	return 0;
}

sub kernels {
	return once('kernels', sub {
		packages('check')
		  && prepare('fetching kernels that are missing', 'tools/build/kernels.sh');
	});
}

sub built_programs {
	my ($kind, @names) = @_;
	return map { "build/selftests/$kind/$_" } @names;
}

# --- groups on this machine -------------------------------------------------------

# Sanitizers do not know every random layout of addresses.
sub steady_addresses {
	return system('setarch -R true 2>/dev/null') ? () : ('setarch', '-R');
}

# host GROUP, FOLDER, PREFIX, NAME... - programs of the library.
sub host {
	my ($group, $kind, $prefix, @names) = @_;
	my %env = (TMEM_BACKEND => 'anon');

	%env = (%env, TMEM_ANALYTICS => 'on', TMEM_MONITOR => 'on')
	  if $group eq 'watched';
	run_jobs(cores(), map { {
		name => "$group/$_",
		command => [@$prefix, "build/selftests/$kind/$_"],
		log => "$logs/$group/$_.log",
		limit => hang_limit('lib'),
		env => \%env,
	} } @names);
}

sub library_group {
	my ($group, $kind, $prefix, @names) = @_;
	return 1 if !@names;
	return packages('check')
	  && build("the library and its tests ($kind)", built_programs($kind, @names))
	  && do { announce($group); host($group, $kind, $prefix, @names); 1 };
}

sub scripts {
	my ($group, @names) = @_;
	announce($group);
	run_jobs(cores(), map { {
		name => "tool/$_",
		command => ["selftests/tool/$_.sh"],
		log => "$logs/tool/$_.log",
		limit => hang_limit('tool'),
	} } @names);
	return 1;
}

# One program whose results are those of lint.sh.
sub lint {
	my ($group, @checks) = @_;
	announce($group);
	run_jobs(1, {
		name => $group,
		command => ['selftests/lint.sh', @checks],
		log => "$logs/$group.log",
		limit => 1800,
	});
	return 1;
}

# --- groups in a virtual machine --------------------------------------------------

# The guest runs all programs of a boot; its output names where each begins and
# ends, and how.
sub guest {
	my ($group, $options, @command) = @_;
	my ($name, $text, @problems) = ('', '');
	my $before = $Results::count{failed};
	my $boot = open_log("$logs/$group/boot.log");

	my $status = each_line("$logs/$group/vm.log", ['selftests/vm/run.sh', '--logs',
		"$logs/$group", @$options, '--', @command], sub {
		my ($line) = @_;
		if ($line =~ /^# program (\S+)/) {
			($name, $text, @problems) = ($1, '');
		} elsif ($line =~ /^# end \Q$name\E (\d+) s, status (\d+)/ && $name) {
			my ($seconds, $code) = ($1, $2);
			my $out = open_log("$logs/$group/$name.log");
			print $out $text;
			close($out) or die "cannot write $logs/$group/$name.log: $!\n";
			judge("$group/$name", with_plan($text), $code << 8, $seconds);
			problem("$group/$name", $_) for @problems;
			$name = '';
		} elsif ($line =~ /^# problem (.*)/) {
			push @problems, $1;
		} elsif ($name) {
			$text .= $line;
		} else {
			print $boot $line;
		}
	});
	close($boot);
	if ($name) {
		print clean(tail_of($text, 15));
		problem("$group/$name", 'the machine ended in this program');
	}
	if ($status && $Results::count{failed} == $before) {
		print clean(tail_of(slurp("$logs/$group/boot.log"), 20));
		print clean(tail_of(slurp("$logs/$group/vm.log"), 60));
		problem($group, 'the machine failed: exit status ' . ($status >> 8));
	}
}

# The shell scripts in the guest print results without a plan.
sub with_plan {
	my ($text) = @_;
	my @results = $text =~ /^(?:not )?ok\b/mg;
	return $text if !@results || $text =~ /^1\.\.\d/m;
	return $text . '1..' . @results . "\n";
}

my @guest_files = ('--file', 'selftests/tool/guest', '--file', 'selftests/kmod/settings');

# machine GROUP, OPTIONS, NAME... - boots it, and runs these programs.
sub machine {
	my ($group, $options, @names) = @_;
	my @files = map { ('--file', "build/selftests/lib/$_") }
	  map { m,^lib/(.*), ? $1 : () } @names;

	return packages('check') && kernels()
	  && build("module, tool and tests for $group", 'tool', 'modules',
		built_programs('kmod', grep { !m,/, && $_ ne 'replay' } @names),
		map { m,^lib/, ? "build/selftests/$_" : () } @names)
	  && do {
		announce("$group: " . @names . ' programs in one boot');
		guest($group, [@$options, '--timeout', 3600, @files, @guest_files],
			'selftests/vm/guest-tests.sh', @names);
		1;
	  };
}

sub kmod { return at_level('kmod', $_[0]); }
sub smoke { return map { "lib/$_" } tagged('lib', 'smoke'); }
sub device { return map { "lib/$_" } tagged('lib', 'device'); }
sub guest_tool {
	return map { 'tool/' . s,^guest/,,r }
	  programs('tool', sub { $_[0]{name} =~ m,^tool/guest/, });
}

# The gate's machine.  The replay's report comes out of it, and is looked at here.
sub vm_gate {
	my $report = 'build/check/replay.json';

	unlink($report);
	machine('vm', ['--kernel', '6.12', '--nodes', 2, '--get', $report],
		'replay', kmod('check'), smoke(), guest_tool()) or return 0;
	run_jobs(1, {
		name => 'vm/replay-report',
		command => ['selftests/vm/replay-check.sh', $report],
		log => "$logs/vm/replay-report.log",
		limit => 60,
	});
	return 1;
}

# What the gate's machine has not run of its kernel, and all of it on the other.
sub vm_6_12 {
	return machine('vm-6.12', ['--kernel', '6.12', '--nodes', 2], kmod('full'), device());
}

# Debian's default clears every page: a fill that forgot to would go unseen.
sub vm_6_1 {
	return machine('vm-6.1', ['--kernel', '6.1', '--nodes', 2, '--append',
		'init_on_alloc=0'], kmod('check'), kmod('full'), smoke(), device(),
		guest_tool());
}

sub vm_flat {
	return machine('vm-6.12-flat', ['--kernel', '6.12', '--nodes', 1, '--mem', 2048,
		'--append', 'numa=off psi=0'], kmod('check'), tagged('kmod', 'flat'), smoke());
}

# --- the debug kernel -------------------------------------------------------------

# What kmod/tmem.h forbids, and lockdep must report; the module commits it on
# demand.  A line is a boot.
my @controls = ('alloc-under-lock', 'inode-under-lock', 'folio-lock-in-reclaim',
	'span-lock-in-reclaim', 'alloc-under-i-mmap',
	'mmap-lock-in-reclaim leak use-after-free');

sub debug_ready {
	return once('debug', sub {
		packages('check') && packages('debug')
		  && prepare('building the debug kernel if it is missing (8 minutes)',
			'tools/build/debug-kernel.sh')
		  && build('module and tests for the debug kernel', 'debug-programs');
	});
}

sub debug_machine {
	my ($group, $options, @command) = @_;
	guest($group, ['--kernel', 'debug', '--nodes', 2, '--mem', 768, '--timeout', 3600,
		'--file', 'selftests/debug', '--file', 'build/selftests/debug', @guest_files,
		@$options], @command);
}

sub debug {
	my ($part) = @_;

	debug_ready() or return 0;
	announce("debug-$part");
	if ($part eq 'controls') {
		for my $names (@controls) {
			my ($first) = split ' ', $names;
			debug_machine("debug-$first", ['--may-complain'],
				'selftests/debug/guest-control.sh', split ' ', $names);
		}
	} elsif ($part eq 'faults') {
		# The script itself looks at what the kernel says in each part.
		debug_machine('debug-faults', ['--may-complain'],
			'selftests/debug/guest-faults.sh');
	} else {
		my @names = grep { $part eq 'recall' ? /^recall/ : !/^recall/ }
		  (kmod('check'), kmod('full'));
		debug_machine("debug-$part", [], 'selftests/debug/guest-tests.sh', @names);
	}
	return 1;
}

# --- all --------------------------------------------------------------------------

my @deep = qw(holes clang sparse checkpatch);
my @valgrind = ('valgrind', '-q', '--error-exitcode=9');

my %group = (
	lint => sub { packages('lint') && lint('lint') },
	asan => sub { library_group('asan', 'lib-asan', [steady_addresses()], at_level('lib', 'check')) },
	tool => sub {
		packages('check') && build('tmemctl and the library', 'lib', 'tool', script_helpers())
		  && scripts('tool', grep { !m,/, } at_level('tool', 'check'));
	},
	module => sub { kernels() && lint('module', 'module') },
	vm => \&vm_gate,
	'lint-deep' => sub { packages('full') && kernels() && build('kselftest', 'build/kselftest/stamp') && lint('lint-deep', @deep) },
	'asan-full' => sub { library_group('asan', 'lib-asan', [steady_addresses()], at_level('lib', 'full')) },
	plain => sub { library_group('plain', 'lib', [], tagged('lib', 'plain')) },
	tsan => sub { library_group('tsan', 'lib-tsan', [steady_addresses()], tagged('lib', 'tsan')) },
	valgrind => sub { packages('full') && library_group('valgrind', 'lib', \@valgrind, tagged('lib', 'valgrind')) },
	watched => sub { library_group('watched', 'lib', [], tagged('lib', 'watched')) },
	'tool-full' => sub {
		packages('full') && build('tmemctl and benchmarks', 'tool', 'bench-programs', script_helpers())
		  && scripts('tool-full', at_level('tool', 'full'));
	},
	'vm-6.12' => \&vm_6_12,
	'vm-6.1' => \&vm_6_1,
	'vm-6.12-flat' => \&vm_flat,
	map { my $part = $_; ("debug-$part" => sub { debug($part) }) } qw(tests recall faults controls),
);

sub main {
	my @groups = @ARGV;
	my $stop = "@groups" eq 'check';

	if (!@groups || $groups[0] =~ /^(?:-h|--help)$/) {
		usage();
		return @groups ? 0 : 2;
	}
	@groups = map { $_ eq 'check' ? @check : $_ eq 'full' ? @full : $_ } @groups;
	for (@groups) {
		next if $group{$_};
		print STDERR "run.pl: no group '$_'\n";
		usage();
		return 2;
	}
	clear_environment();
	claim_machine($logs, $needed_mib);
	system("find $logs -mindepth 1 ! -name lock -delete") == 0 or die "cannot empty $logs\n";
	for (@groups) {
		my ($start, $before) = (time, $prepared);
		my $ready = $group{$_}->();
		add_seconds('packages, kernels and builds', $prepared - $before);
		add_seconds($_, time - $start - ($prepared - $before));
		last if !$ready || ($Results::count{failed} && ($stop || $_ eq 'lint'));
	}
	return summary();
}

run_main(\&main);
