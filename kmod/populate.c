// SPDX-License-Identifier: GPL-2.0-only
/*
 * TMEM_IOC_ARENA_POPULATE: memory behind a range, by several threads, each on a
 * CPU of the node whose memory it clears.
 *
 * The caller waits; workers of a workqueue do the work.  They act for the
 * caller: within its cpuset, charged to its memory cgroup.  The spans are
 * dealt out one by one, so that a worker which finds a full pool does more
 * than one which has to clear.  Where the policy spreads a range over nodes,
 * every node has workers of its own for its spans.
 */
#include <linux/completion.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "tmem.h"

#define TMEM_WORKERS_MAX 16 /* per node: a few saturate its memory */

struct tmem_worker {
	struct work_struct work;
	struct tmem_job *job;
	int nid;
};

/**
 * struct tmem_job - one populate
 * @arena:   whose spans
 * @wish:    the caller's
 * @memcg:   the caller's, or NULL
 * @first:   the first span
 * @nr:      number of spans
 * @next:    by node: the next span that its workers look at, from @first
 * @err:     the first error; it ends the others
 * @running: workers, and the caller while it starts them
 * @idle:    done when @running is 0
 */
struct tmem_job {
	struct tmem_arena *arena;
	struct tmem_wish wish;
	struct mem_cgroup *memcg;
	u32 first;
	u32 nr;
	atomic_t *next;
	atomic_t err;
	refcount_t running;
	struct completion idle;
};

static struct workqueue_struct *tmem_populate_wq;

static void tmem_job_put(struct tmem_job *job)
{
	if (refcount_dec_and_test(&job->running))
		complete(&job->idle);
}

/* All of a span: one huge page, or small ones, one after the other. */
static int tmem_job_span(struct tmem_job *job, u32 span)
{
	pgoff_t pgoff = (pgoff_t)span << TMEM_SPAN_ORDER;
	pgoff_t end = pgoff + TMEM_SPAN_PAGES;

	while (pgoff < end && !atomic_read(&job->err)) {
		struct folio *folio =
			tmem_fill_for(job->arena, pgoff, &job->wish);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
		pgoff = folio->index + folio_nr_pages(folio);
		folio_unlock(folio);
		folio_put(folio);
		cond_resched();
	}
	return pgoff < end ? -EINTR : 0;
}

/* The spans of the job that are wanted on a node, as they come. */
static void tmem_job_node(struct tmem_job *job, int nid)
{
	const struct tmem_policy *policy = &job->arena->policy;
	int err;
	u32 i;

	while (!atomic_read(&job->err)) {
		i = atomic_inc_return(&job->next[nid]) - 1;
		if (i >= job->nr)
			return;
		if (tmem_policy_wanted(policy, job->first + i, &job->wish) !=
		    nid)
			continue;
		err = tmem_job_span(job, job->first + i);
		if (err)
			atomic_cmpxchg(&job->err, 0, err);
	}
}

static void tmem_worker_run(struct work_struct *work)
{
	struct tmem_worker *worker =
		container_of(work, struct tmem_worker, work);
	struct tmem_job *job = worker->job;
	struct mem_cgroup *old = set_active_memcg(job->memcg);

	tmem_job_node(job, worker->nid);
	set_active_memcg(old);
	tmem_job_put(job);
}

/* Nodes that the job's spans are wanted on. */
static void tmem_job_nodes(const struct tmem_job *job, nodemask_t *nodes)
{
	const struct tmem_policy *policy = &job->arena->policy;

	if (job->wish.nid == NUMA_NO_NODE &&
	    policy->mode == TMEM_POLICY_INTERLEAVE)
		*nodes = policy->nodes;
	else
		*nodes = nodemask_of_node(
			tmem_policy_wanted(policy, job->first, &job->wish));
}

static unsigned int tmem_job_workers(const struct tmem_job *job, int nid,
				     u32 asked)
{
	unsigned int n = asked ?: cpumask_weight(cpumask_of_node(nid));

	return clamp_t(unsigned int, n, 1, min(job->nr, TMEM_WORKERS_MAX + 0U));
}

static void tmem_job_start(struct tmem_job *job, const nodemask_t *nodes,
			   struct tmem_worker *worker, u32 asked)
{
	unsigned int n;
	int nid;

	for_each_node_mask(nid, *nodes)
		for (n = tmem_job_workers(job, nid, asked); n; n--, worker++) {
			INIT_WORK(&worker->work, tmem_worker_run);
			worker->job = job;
			worker->nid = nid;
			refcount_inc(&job->running);
			queue_work_node(nid, tmem_populate_wq, &worker->work);
		}
}

/* A signal ends it; the workers finish the spans that they are at. */
static void tmem_job_wait(struct tmem_job *job)
{
	tmem_job_put(job);
	if (wait_for_completion_interruptible(&job->idle)) {
		atomic_cmpxchg(&job->err, 0, -EINTR);
		wait_for_completion(&job->idle);
	}
}

static int tmem_job_run(struct tmem_job *job, u32 asked)
{
	struct tmem_worker *workers;
	unsigned int n = 0;
	nodemask_t nodes;
	int nid;

	tmem_job_nodes(job, &nodes);
	for_each_node_mask(nid, nodes)
		n += tmem_job_workers(job, nid, asked);
	workers = kvcalloc(n, sizeof(*workers), GFP_KERNEL_ACCOUNT);
	job->next =
		kcalloc(nr_node_ids, sizeof(*job->next), GFP_KERNEL_ACCOUNT);
	if (workers && job->next) {
		job->memcg = get_mem_cgroup_from_mm(current->mm);
		tmem_job_start(job, &nodes, workers, asked);
		tmem_job_wait(job);
		mem_cgroup_put(job->memcg);
	} else {
		atomic_set(&job->err, -ENOMEM);
	}
	kfree(job->next);
	kvfree(workers);
	return atomic_read(&job->err);
}

/* Does a span hold all its pages?  Folios come in order; a huge one is all. */
static bool tmem_job_holds(const struct tmem_job *job, u32 span)
{
	pgoff_t index = (pgoff_t)span << TMEM_SPAN_ORDER;
	pgoff_t last = index + TMEM_SPAN_PAGES - 1;
	unsigned long pages = 0;
	struct folio_batch batch;
	unsigned int i;

	if (!READ_ONCE(job->arena->tracked[span]))
		return false;
	folio_batch_init(&batch);
	while (filemap_get_folios(job->arena->mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++)
			pages += folio_nr_pages(batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return pages >= TMEM_SPAN_PAGES;
}

/* Bytes of the range's spans that hold memory, whoever filled them. */
static u64 tmem_job_populated(const struct tmem_job *job)
{
	u64 spans = 0;
	u32 i;

	for (i = 0; i < job->nr; i++)
		spans += tmem_job_holds(job, job->first + i);
	return spans << TMEM_SPAN_SHIFT;
}

/**
 * tmem_populate() - have memory behind a range of an arena
 * @arena: the arena; its file is held
 * @req:   from user space, unchecked; @populated is set also after an error
 */
int tmem_populate(struct tmem_arena *arena, struct tmem_arena_populate *req)
{
	struct tmem_job job = {
		.arena = arena,
		.first = req->offset >> TMEM_SPAN_SHIFT,
		.nr = req->length >> TMEM_SPAN_SHIFT,
		.running = REFCOUNT_INIT(1),
		.idle = COMPLETION_INITIALIZER_ONSTACK(job.idle),
	};
	int err;

	if (req->flags || req->__reserved ||
	    !tmem_arena_range(arena, req->offset, req->length))
		return -EINVAL;
	tmem_policy_wish(&job.wish);
	job.wish.ahead = true;
	if (req->node != NUMA_NO_NODE) {
		if (!tmem_policy_allows(&arena->policy, req->node))
			return -EINVAL;
		job.wish.nid = req->node;
	}
	req->populated = 0;
	if (!job.nr)
		return 0;
	/* For a single one it is not worth the while to wake somebody up. */
	err = job.nr > 1 ? tmem_job_run(&job, req->workers) :
			   tmem_job_span(&job, job.first);
	req->populated = err ? tmem_job_populated(&job) : req->length;
	return err == -EDQUOT ? -ENOMEM : err;
}

int tmem_populate_init(void)
{
	tmem_populate_wq =
		alloc_workqueue("tmem_populate", WQ_UNBOUND | WQ_SYSFS, 0);
	return tmem_populate_wq ? 0 : -ENOMEM;
}

void tmem_populate_exit(void)
{
	destroy_workqueue(tmem_populate_wq);
}
