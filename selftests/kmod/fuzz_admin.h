/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's operations on what is not a descriptor of the device: netlink,
 * sysfs, debugfs, memory cgroups, other processes, and the module itself.
 *
 * One process is root and gets through; another is nobody and tries the same.
 */
#ifndef FUZZ_ADMIN_H
#define FUZZ_ADMIN_H

#include "fuzz_fd.h"
#include "fuzz_ioctl.h"

#include <dirent.h>
#include <sys/prctl.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/tmem_netlink.h>

#define FZ_SYSFS "/sys/class/misc/tmem"
#define FZ_SHRINK "/sys/kernel/debug/tmem/shrink"
#define FZ_SETTINGS 48

/* --- settings ------------------------------------------------------------- */

/* Files that can be written, and what was in them; found before anything. */
static struct fz_setting {
	char path[96];
	char before[64];
} fz_setting[FZ_SETTINGS];
static unsigned int fz_settings;

static int fz_read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? -EIO : 0;
}

static void fz_find_settings(const char *folder, bool deeper)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	struct stat st;
	char path[96];

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "power") ||
		    !strcmp(e->d_name, "uevent") ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >=
			    (int)sizeof(path) ||
		    lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode) && deeper)
			fz_find_settings(path, false);
		if (!S_ISREG(st.st_mode) || !(st.st_mode & 0200) ||
		    fz_settings == FZ_SETTINGS)
			continue;
		strcpy(fz_setting[fz_settings].path, path);
		if (!fz_read_text(path, fz_setting[fz_settings].before, 64))
			fz_settings++;
	}
	if (dir)
		closedir(dir);
}

/* Some are taken only when others are right already, so several times. */
static unsigned int fz_restore_settings(void)
{
	unsigned int wrong = 0;
	char now[64];

	for (int round = 0; round < 4; round++)
		for (unsigned int i = 0; i < fz_settings; i++)
			kt_write_file(fz_setting[i].path, fz_setting[i].before);
	for (unsigned int i = 0; i < fz_settings; i++) {
		fz_read_text(fz_setting[i].path, now, sizeof(now));
		if (!strcmp(now, fz_setting[i].before))
			continue;
		wrong++;
		printf("# %s is %.60s, was %.60s\n", fz_setting[i].path, now,
		       fz_setting[i].before);
	}
	return wrong;
}

static const char *fz_text(struct fz_thread *t, char *text, size_t size)
{
	static const char *const junk[] = {
		"",
		"\n",
		"-1",
		"max",
		"x",
		"0x10",
		" 7 ",
		"1 2",
		"1e3",
		"007",
		"max ",
		"-max",
		"4096",
		"\xff\xfe",
		"18446744073709551615",
		"99999999999999999999999",
	};
	uint64_t r = fz_draw(t);

	switch (r % 6) {
	case 0:
		return junk[(r >> 8) % (sizeof(junk) / sizeof(*junk))];
	case 1:
		snprintf(text, size, "%llu", (unsigned long long)fz_wild(t));
		return text;
	case 2:
		snprintf(text, size, "%llu",
			 (unsigned long long)((r >> 8) % 64 * KT_SPAN));
		return text;
	default:
		snprintf(text, size, "%llu\n",
			 (unsigned long long)((r >> 8) % 110));
		return text;
	}
}

/* Half of what is written to a limit lifts it: else nothing would work soon. */
static long fz_set(struct fz_thread *t)
{
	struct fz_setting *s;
	char text[64];
	const char *what;

	if (!fz_settings)
		return -ENOENT;
	s = &fz_setting[fz_below(t, fz_settings)];
	what = fz_text(t, text, sizeof(text));
	if (strstr(s->path, "/max_") && fz_one_in(t, 2))
		what = "max";
	return kt_write_file(s->path, what);
}

static long fz_shrink(struct fz_thread *t)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)(fz_one_in(t, 16) ? fz_wild(t) :
							 fz_below(t, 12)));
	return kt_write_file(FZ_SHRINK, text);
}

/* The canaries hold the module: whoever removes it takes it from them. */
static long fz_remove(struct fz_thread *t)
{
	long ret = fz_result(syscall(SYS_delete_module, "tmem", O_NONBLOCK));

	if (!ret)
		fz_count(&t->p->sh->removed);
	return ret;
}

/* --- memory cgroups ------------------------------------------------------- */

static long fz_cgroup(struct fz_thread *t)
{
	char path[128], text[32];
	uint64_t r = fz_draw(t);

	if (!t->p->cgroup[0])
		return -ENOENT;
	if (r % 4 < 2) {
		snprintf(path, sizeof(path), "%s/sub", t->p->cgroup);
		return fz_result(r % 4 ? mkdir(path, 0755) : rmdir(path));
	}
	snprintf(path, sizeof(path), "%s/memory.reclaim", t->p->cgroup);
	snprintf(text, sizeof(text), "%lluM",
		 (unsigned long long)((r >> 8) % 32));
	return kt_write_file(path, text);
}

/* --- triggers ------------------------------------------------------------- */

/* Of a descriptor of any kind, or of one that is right. */
static long fz_trigger(struct fz_thread *t)
{
	uint64_t r = fz_draw(t);
	struct tmem_trigger req = {
		.fd = r % 8 ? fz_fd(t) : (int)(r >> 32),
		.cookie = (r >> 8) % 24,
	};
	unsigned long cmd = r >> 7 & 1 ? TMEM_IOC_TRIGGER_ADD :
					 TMEM_IOC_TRIGGER_REMOVE;
	int own = -1;
	long ret;

	if (r >> 6 & 1) {
		own = r >> 5 & 1 ? fz_open_trigger(t, "/proc/pressure/memory") :
				   fz_open_cgroup(t);
		req.fd = own;
	}
	ret = fz_call(t, fz_device(t), cmd, sizeof(req), &req);
	if (own >= 0)
		close(own);
	return ret;
}

/* --- netlink -------------------------------------------------------------- */

struct fz_message {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	unsigned char data[512];
};

static void fz_attribute(struct fz_message *m, unsigned int type,
			 const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));

	if (m->head.nlmsg_len + NLA_HDRLEN + len + 8 > sizeof(*m))
		return;
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy(a + 1, data, len);
	m->head.nlmsg_len =
		NLMSG_ALIGN(m->head.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static void fz_message(struct fz_message *m, unsigned int family,
		       unsigned int cmd, unsigned int flags)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	m->head.nlmsg_type = (uint16_t)family;
	m->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->genl.cmd = (uint8_t)cmd;
	m->genl.version = TMEM_FAMILY_VERSION;
}

/* The first group's number, from the nest that lists the groups. */
static unsigned int fz_group_of(const unsigned char *p, size_t len)
{
	const struct nlattr *a;

	/* nest > entry > CTRL_ATTR_MCAST_GRP_ID, all at 4 byte steps */
	for (size_t at = 2 * NLA_HDRLEN; at + 8 <= len; at += 4) {
		a = (const void *)(p + at);
		if (a->nla_type == CTRL_ATTR_MCAST_GRP_ID && a->nla_len == 8)
			return *(const uint32_t *)(a + 1);
	}
	return 0;
}

static void fz_family_reply(struct fz_proc *p, const unsigned char *buf,
			    size_t len)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	while (at + NLA_HDRLEN <= len) {
		const struct nlattr *a = (const void *)(buf + at);

		if (a->nla_len < NLA_HDRLEN)
			return;
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			p->family = *(const uint16_t *)(a + 1);
		if (a->nla_type == CTRL_ATTR_MCAST_GROUPS)
			p->group = fz_group_of(buf + at, a->nla_len);
		at += NLA_ALIGN(a->nla_len);
	}
}

/* Asks for the family's number; without one nothing is sent to it. */
static void fz_find_family(struct fz_proc *p)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	unsigned char buf[4096] __attribute__((aligned(8)));
	struct fz_message m;
	ssize_t n;

	if (fd < 0)
		return;
	fz_message(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	fz_attribute(&m, CTRL_ATTR_FAMILY_NAME, TMEM_FAMILY_NAME,
		     sizeof(TMEM_FAMILY_NAME));
	if (send(fd, &m, m.head.nlmsg_len, 0) > 0) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0 &&
		    ((struct nlmsghdr *)buf)->nlmsg_type == GENL_ID_CTRL)
			fz_family_reply(p, buf, (size_t)n);
	}
	close(fd);
}

static void fz_random_attributes(struct fz_thread *t, struct fz_message *m)
{
	uint64_t v[4], n = fz_below(t, 4);
	size_t len;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t r = fz_draw(t);

		for (int k = 0; k < 4; k++)
			v[k] = r % 3 ? fz_wild(t) : (r >> 8) % 32 * KT_SPAN;
		len = r % 2 ? 8 : r % 8 ? 4 : (r >> 16) % sizeof(v);
		if (len == 4)
			v[0] %= 3;
		fz_attribute(m,
			     1 + (unsigned int)(r >> 24) % 20 +
				     (r >> 60 ? 0 : 0x8000),
			     v, len);
	}
}

/* A message of POOL_SET that means something. */
static void fz_pool_message(struct fz_thread *t, struct fz_message *m)
{
	uint32_t node = (uint32_t)fz_below(t, 3);
	uint64_t low = fz_below(t, 16) * KT_SPAN;
	uint64_t target = low + fz_below(t, 16) * KT_SPAN;

	fz_message(m, (unsigned int)t->p->family, TMEM_CMD_POOL_SET, NLM_F_ACK);
	fz_attribute(m, TMEM_A_NODE_ID, &node, 4);
	if (!fz_one_in(t, 4))
		fz_attribute(m, TMEM_A_NODE_POOL_LOW, &low, 8);
	if (!fz_one_in(t, 4))
		fz_attribute(m, TMEM_A_NODE_POOL_TARGET, &target, 8);
}

static void fz_any_message(struct fz_thread *t, struct fz_message *m)
{
	uint64_t r = fz_draw(t);

	fz_message(m, (unsigned int)t->p->family,
		   1 + (unsigned int)(r >> 8) % 5,
		   r % 2 ? NLM_F_DUMP : NLM_F_ACK);
	if (r % 4 == 0)
		m->genl.cmd = (uint8_t)(r >> 16);
	if (r % 3 == 0)
		fz_random_attributes(t, m);
	if (r % 32 == 1)
		fz_spoil(t, &m->genl, sizeof(m->genl) + sizeof(m->data));
	if (r % 32 == 2)
		m->head.nlmsg_len -= (uint32_t)(r >> 24) % 4;
}

/* Sends, and reads a part of what comes: some dumps are left half read. */
static long fz_netlink(struct fz_thread *t)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int small = 2048, reads = (int)fz_below(t, 4);
	struct fz_message m;
	long ret;

	if (fd < 0)
		return -errno;
	if (fz_one_in(t, 4))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (t->p->group && fz_one_in(t, 4))
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			   &t->p->group, sizeof(t->p->group));
	if (fz_one_in(t, 4))
		fz_pool_message(t, &m);
	else
		fz_any_message(t, &m);
	ret = t->p->family ?
		      fz_result(send(fd, &m, m.head.nlmsg_len, MSG_DONTWAIT)) :
		      -ENOENT;
	while (ret > 0 && reads--)
		recv(fd, t->scratch, fz_one_in(t, 8) ? 64 : FZ_SCRATCH,
		     MSG_DONTWAIT);
	/* Kept open it is a reader of the group that never reads. */
	if (fz_one_in(t, 8))
		fz_keep_fd(t, fd);
	else
		close(fd);
	return ret;
}

/* --- processes ------------------------------------------------------------ */

/*
 * A child inherits mappings and descriptors, does a little with them and ends,
 * or is killed in the middle of it.
 */
static long fz_fork(struct fz_thread *t)
{
	unsigned int n = 1 + (unsigned int)fz_below(t, 6);
	uint64_t pauses = fz_below(t, 20);
	bool murder = fz_one_in(t, 2);
	pid_t pid;

	if (t->child)
		return -EPERM;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		t->child = true;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned int i = 0; i < n; i++) {
			if (fz_one_in(t, 3))
				fz_populate(t);
			else if (fz_one_in(t, 2))
				fz_unmap(t);
			else
				fz_touch(t);
		}
		_exit(0);
	}
	if (murder) {
		while (pauses--)
			pace_pause();
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

#endif /* FUZZ_ADMIN_H */
