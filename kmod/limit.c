// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of bytes: what all arenas and pools may hold, and what the arenas of
 * one user may.
 *
 * They count memory that is there, not the size of arenas: an arena may be
 * larger than the machine.  Memory cgroups are the finer instrument; these are
 * for machines without, and for what is in no cgroup.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "tmem.h"

u64 tmem_max_bytes = U64_MAX;
u64 tmem_max_user_bytes = U64_MAX;

static atomic64_t tmem_bytes; /* of arenas and pools */
static atomic64_t tmem_bytes_of_arenas;

/* Users that have arenas.  Not for reclaim. */
static DEFINE_MUTEX(tmem_users_lock);
static LIST_HEAD(tmem_users);

static struct tmem_user *tmem_user_find(kuid_t uid)
{
	struct tmem_user *user;

	list_for_each_entry(user, &tmem_users, list)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* The user's account, for one arena more.  NULL without memory. */
struct tmem_user *tmem_user_get(kuid_t uid)
{
	struct tmem_user *user;

	mutex_lock(&tmem_users_lock);
	user = tmem_user_find(uid);
	if (user) {
		user->arenas++;
	} else {
		user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
		if (user) {
			user->uid = uid;
			user->arenas = 1;
			list_add(&user->list, &tmem_users);
		}
	}
	mutex_unlock(&tmem_users_lock);
	return user;
}

void tmem_user_put(struct tmem_user *user)
{
	mutex_lock(&tmem_users_lock);
	if (!--user->arenas) {
		list_del(&user->list);
		WARN_ON_ONCE(atomic64_read(&user->bytes));
		kfree(user);
	}
	mutex_unlock(&tmem_users_lock);
}

/* What a user's arenas hold, and how many there are. */
void tmem_user_usage(kuid_t uid, u64 *bytes, u64 *arenas)
{
	struct tmem_user *user;

	mutex_lock(&tmem_users_lock);
	user = tmem_user_find(uid);
	*bytes = user ? atomic64_read(&user->bytes) : 0;
	*arenas = user ? user->arenas : 0;
	mutex_unlock(&tmem_users_lock);
}

static bool tmem_limit_add(atomic64_t *held, u64 max, u64 bytes)
{
	if ((u64)atomic64_add_return(bytes, held) <= max)
		return true;
	atomic64_sub(bytes, held);
	return false;
}

/**
 * tmem_limit_charge() - count memory before it is taken
 * @user:  whose; NULL for a pool
 * @bytes: how much
 *
 * -ENOSPC if the module's limit is in the way, -EDQUOT if it is the user's;
 * then nothing is counted.
 */
int tmem_limit_charge(struct tmem_user *user, u64 bytes)
{
	if (!tmem_limit_add(&tmem_bytes, READ_ONCE(tmem_max_bytes), bytes))
		return -ENOSPC;
	if (!user)
		return 0;
	if (tmem_limit_add(&user->bytes, READ_ONCE(tmem_max_user_bytes),
			   bytes)) {
		atomic64_add(bytes, &tmem_bytes_of_arenas);
		return 0;
	}
	atomic64_sub(bytes, &tmem_bytes);
	return -EDQUOT;
}

void tmem_limit_uncharge(struct tmem_user *user, u64 bytes)
{
	if (user) {
		atomic64_sub(bytes, &user->bytes);
		atomic64_sub(bytes, &tmem_bytes_of_arenas);
	}
	atomic64_sub(bytes, &tmem_bytes);
}

u64 tmem_arena_bytes(void)
{
	return atomic64_read(&tmem_bytes_of_arenas);
}
