// SPDX-License-Identifier: GPL-2.0-only
/*
 * site_json - call sites in the JSON reports, and what all reports say of how
 * their figures came about.
 */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "site.h"
#include "units.h"

void site_json_counts(struct json_object *object, const struct snap_counts *n)
{
	json_put_u64(object, "allocs", n->allocs);
	json_put_u64(object, "frees", n->frees);
	json_put_u64(object, "alloc_bytes", n->alloc_bytes);
	json_put_u64(object, "free_bytes", n->free_bytes);
	json_put_u64(object, "live_bytes", n->live_bytes);
	json_put_u64(object, "live_blocks", n->live_blocks);
	json_put_u64(object, "peak_live_bytes", n->peak_live_bytes);
}

static void put_known(struct json_object *object, const char *key,
		      const char *text)
{
	if (text)
		json_put_text(object, key, text);
	else
		json_put_null(object, key);
}

static struct json_object *frame_json(const struct symbol *symbol)
{
	struct json_object *object = json_object_make();
	char address[24];

	snprintf(address, sizeof(address), "0x%llx",
		 (unsigned long long)symbol->address);
	json_put_text(object, "address", address);
	put_known(object, "function", symbol->function);
	put_known(object, "inlined", symbol->inlined);
	put_known(object, "file", symbol->file);
	json_put_u64(object, "line", symbol->line > 0 ? symbol->line : 0);
	put_known(object, "module", symbol->path);
	json_put_u64(object, "offset", symbol->offset);
	return object;
}

struct json_object *site_json(struct symbols *symbols,
			      const struct snap_site *site)
{
	struct json_object *object = json_object_make();
	struct json_object *array = json_array_make();
	unsigned int i;

	json_put_u64(object, "site", site->id);
	json_put_text(object, "at", site_title(symbols, site).text);
	json_put_text(object, "tag", site->tag_name);
	json_put_text(object, "label", site->label);
	json_put_text(object, "pattern", site->pattern);
	site_json_counts(object, &site->n);
	json_put_u64(object, "error_bytes", site->error);
	for (i = 0; i < site->depth; i++)
		json_append(array,
			    frame_json(symbols_find(symbols, site->frames[i])));
	json_put_child(object, "frames", array);
	array = json_array_make();
	for (i = 0; i < site->n_lifetimes; i++)
		json_append_u64(array, site->lifetimes[i]);
	json_put_child(object, "lifetimes", array);
	return object;
}

struct json_object *site_json_head(const struct snap *snap)
{
	struct json_object *object = json_object_make();

	json_put_u64(object, "pid", snap->pid);
	json_put_text(object, "exe", snap->exe);
	json_put_text(object, "mode", snap->mode);
	json_put_u64(object, "interval_bytes", snap->interval_bytes);
	json_put_u64(object, "records_dropped", snap->dropped);
	json_put_u64(object, "steps", snap->steps);
	json_put_u64(object, "sites_seen", snap->n_sites);
	return object;
}

void site_print_how(const struct snap *snap)
{
	if (!strcmp(snap->mode, "off"))
		puts("analytics was off at that time: what came later is not "
		     "in these figures");
	if (snap->interval_bytes)
		printf("estimates, from a sample in every %s allocated\n",
		       units_bytes(snap->interval_bytes).text);
	if (snap->dropped)
		printf("%s records were dropped for others: more in the "
		       "estimates' error\n",
		       units_count(snap->dropped).text);
}
