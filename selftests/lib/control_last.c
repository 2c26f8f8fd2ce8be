// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a program that ends leaves the snapshot that TMEM_SNAPSHOT asks
 * for, whole and nothing beside it, or says why not; that its exit status is
 * its own; and that no end hangs: with a full disk, a file that cannot be, a
 * pipe that nobody reads, or out of a signal handler in the middle of anything.
 */
#include "control_test.h"

#include <sys/stat.h>
#include <sys/time.h>

#include "control/last.h"
#include "pool/heap.h"

#if LT_TSAN
/* A thread that does not end within 200 ms of exit() is left alone. */
const char *__tsan_default_options(void)
{
	return "report_thread_leaks=0";
}
#endif

FIXTURE(last)
{
	char folder[64];
	char path[128];
	struct lt_log *log;
};

FIXTURE_SETUP(last)
{
	strcpy(self->folder, "/tmp/tmem-last-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	snprintf(self->path, sizeof(self->path), "%s/snapshot", self->folder);
	self->log = mmap(NULL, sizeof(*self->log), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->log);
	unsetenv("TMEM_CONTROL");
	setenv("TMEM_ANALYTICS", "all", 1);
}

static unsigned int files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

FIXTURE_TEARDOWN(last)
{
	char command[128];

	EXPECT_EQ(0, atomic_load(&self->log->lines));
	snprintf(command, sizeof(command), "rm -rf %s", self->folder);
	EXPECT_EQ(0, system(command));
}

/* What a program was told to do. */
struct program {
	struct lt_log *log;
	const char *path;
	bool idle; /* never uses the library */
	bool forks;
	bool raises;
	bool locked; /* ends with the heap's lock held */
	bool little; /* files of 1 KiB at most */
	bool stale; /* one of its number was killed while it wrote */
};

static void *leaked[100];

static void ends(int number)
{
	exit(40 + (number == SIGALRM));
}

static void fork_ends(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		exit(0);
	waitpid(pid, &status, 0);
	if (status)
		exit(12);
}

static void until_raised(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 30000 } };

	signal(SIGALRM, ends);
	setitimer(ITIMER_REAL, &soon, NULL);
	for (;;)
		tmem_free(tmem_alloc(3 * LT_MIB));
}

/*
 * As from a handler that interrupted the holder of the lock: all threads of the
 * library that want it wait for ever, the control socket's among them.
 */
static void end_locked(void)
{
	char name[TMEM_CONTROL_NAME_MAX];
	int fd;

	if (tmem_control_start() || tmem_control_name(name, sizeof(name)))
		exit(15);
	fd = ct_connect(name);
	if (tmem_heap_enter() || send(fd, "stats\n", 6, MSG_NOSIGNAL) != 6)
		exit(16);
	exit(42);
}

static bool stale_leave(const char *path)
{
	char beside[160];
	int fd;

	snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 && !close(fd);
}

static int program_run(void *arg)
{
	struct program *program = arg;
	const struct rlimit little = { 1024, 1024 };
	unsigned int i;

	setenv("TMEM_SNAPSHOT", program->path, 1);
	lt_listen(program->log);
	if (program->idle)
		exit(40);
	/* The child of a process with threads hangs in LeakSanitizer at times. */
	if (LT_ASAN && program->forks) {
		setenv("TMEM_CONTROL", "off", 1);
		setenv("TMEM_GC", "off", 1);
	}
	if (lt_init())
		exit(11);
	for (i = 0; i < ARRAY_SIZE(leaked); i++)
		leaked[i] = tmem_alloc(1000);
	if (program->little && setrlimit(RLIMIT_FSIZE, &little))
		exit(13);
	if (program->stale && !stale_leave(program->path))
		exit(14);
	if (program->forks)
		fork_ends();
	if (program->raises)
		until_raised();
	if (program->locked)
		end_locked();
	exit(40);
}

static bool program_ends(struct program *program, int code)
{
	int status = lt_child(program_run, program);

	return LT_EXITED(status, code);
}

/* The file is a snapshot, of a program with these blocks. */
static bool file_is_whole(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 2 && !strncmp(text, "{\"format\":\"tmem-snapshot\"", 25) &&
	    text[n - 1] == '}' &&
	    ct_number(strstr(text, "\"counts\":"), "live_blocks") == 100)
		return true;
	printf("# %s: %zd bytes, %.60s\n", path, n, text);
	return false;
}

TEST_F(last, is_left)
{
	struct program program = { self->log, self->path, 0, 0, 0 };
	struct stat file;

	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(file_is_whole(self->path));
	/* The next one takes its place, and is its owner's alone. */
	ASSERT_EQ(0, truncate(self->path, 10));
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(file_is_whole(self->path));
	ASSERT_EQ(0, stat(self->path, &file));
	EXPECT_EQ(0600U, file.st_mode & 0777);
	EXPECT_EQ(1U, files_in(self->folder));
}

/* In a container the next run has the same number. */
TEST_F(last, whatever_was_left_before)
{
	struct program program = {
		.log = self->log,
		.path = self->path,
		.stale = true,
	};

	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(file_is_whole(self->path));
	EXPECT_EQ(2U, files_in(self->folder));
}

/* One that never allocated has nothing to say. */
TEST_F(last, not_of_who_is_idle)
{
	struct program program = { self->log, self->path, true, 0, 0 };

	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_EQ(0U, files_in(self->folder));
}

/* Children write over no parent's; with %p each has its own. */
TEST_F(last, of_children)
{
	struct program program = { self->log, self->path, 0, true, 0 };

	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(file_is_whole(self->path));
	EXPECT_EQ(1U, files_in(self->folder));
	strcat(self->path, ".%p.%x%");
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_EQ(3U, files_in(self->folder));
}

TEST_F(last, cannot_be_written)
{
	struct program program = { self->log, "/dev/full", 0, 0, 0 };

	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(lt_heard(self->log, TMEM_LOG_ERROR, "No space left"));
	program.path = self->path;
	strcpy(self->path + strlen(self->folder), "/no/folder");
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(lt_heard(self->log, TMEM_LOG_ERROR, "No such file"));
	program.path = self->folder;
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(lt_heard(self->log, TMEM_LOG_ERROR, "Is a directory"));
	EXPECT_EQ(0U, files_in(self->folder));
}

/* A limit of 1 KiB a file ends no program: the signal is blocked. */
TEST_F(last, too_large)
{
	struct program program = { self->log, self->path, 0, 0, 0 };

	program.little = true;
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(lt_heard(self->log, TMEM_LOG_ERROR, "File too large"));
	EXPECT_EQ(0U, files_in(self->folder));
}

TEST_F(last, pipes)
{
	struct program program = { self->log, self->path, 0, 0, 0 };
	static char text[1 << 16];
	int fd;

	ASSERT_EQ(0, mkfifo(self->path, 0600));
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_TRUE(lt_heard(self->log, TMEM_LOG_ERROR, "No such device"));
	/* With a reader it is written. */
	fd = open(self->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(program_ends(&program, 40));
	EXPECT_GT(read(fd, text, sizeof(text)), 500);
	EXPECT_EQ(0, strncmp(text, "{\"format\":", 10));
	close(fd);
}

/* The code that it interrupts may hold the heap's lock. */
TEST_F(last, from_a_signal_handler)
{
	struct program program = { self->log, self->path, 0, 0, true };
	unsigned int i;

	if (LT_SANITIZER)
		SKIP(return, "sanitizers allocate in the handler");
	atomic_store(&tmem_last_patience_ms, 200);
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(program_ends(&program, 41));
}

/* No file is better than half of one. */
TEST_F(last, while_the_heap_is_locked)
{
	struct program program = { .log = self->log, .path = self->path };

	program.locked = true;
	atomic_store(&tmem_last_patience_ms, 50);
	EXPECT_TRUE(program_ends(&program, 42));
	EXPECT_EQ(-1, access(self->path, F_OK));
}

TEST_HARNESS_MAIN
