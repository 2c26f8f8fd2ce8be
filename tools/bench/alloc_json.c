// SPDX-License-Identifier: GPL-2.0-only
/* The results for programs: every sample, and how they were taken. */
#include <stdio.h>
#include <string.h>

#include "../tmemctl/json.h"
#include "alloc.h"

#define BARS_MAX 512

static struct json_object *taken(const struct bench *b)
{
	struct json_object *object = json_object_make();
	unsigned int i;

	json_put_u64(object, "rounds", b->rounds_done);
	json_put_number(object, "seconds", b->seconds);
	json_put_text(object, "backend", b->backend);
	json_put_bool(object, "only_a_look", b->cut != 0);
	json_put_u64(object, "idle_seconds", b->park);
	json_put_u64(object, "tmem_decay_ms", b->decay_ms);
	for (i = 0; i < HOST_FACTS; i++)
		json_put_text(object, b->facts[i].key, b->facts[i].text);
	return object;
}

static struct json_object *heaps(const struct bench *b)
{
	struct json_object *array = json_array_make();
	unsigned int i, k;

	for (i = 0; i < b->n_heaps; i++) {
		const struct heap *heap = &b->heaps[i];
		struct json_object *object = json_object_make();
		struct json_object *settings = json_array_make();

		json_put_text(object, "name", heap->name);
		if (heap->library)
			json_put_text(object, "library", heap->library);
		for (k = 0; k < SETTINGS_MAX; k++)
			if (heap->set[k])
				json_append_text(settings, heap->set[k]);
		json_put_child(object, "settings", settings);
		json_put_bool(object, "rival", heap->rival);
		if (!heap_runs(heap))
			json_put_text(object, "left_out", heap->why);
		json_append(array, object);
	}
	return array;
}

static struct json_object *traces(const struct bench *b)
{
	struct json_object *array = json_array_make();
	unsigned int i;

	for (i = 0; i < b->n_traces; i++) {
		const struct replayed *trace = &b->traces[i];
		struct json_object *object = json_object_make();

		json_put_text(object, "name", trace->name);
		json_put_u64(object, "events", trace->whole.events);
		json_put_u64(object, "threads", trace->threads);
		json_put_u64(object, "bytes", trace->whole.allocated);
		json_put_u64(object, "peak_live_bytes",
			     trace->whole.peak_bytes);
		json_put_u64(object, "end_live_bytes", trace->whole.end_bytes);
		json_put_u64(object, "part_events", trace->part.events);
		json_put_u64(object, "part_bytes", trace->part.allocated);
		json_append(array, object);
	}
	return array;
}

static void append_number(struct json_object *array, double value)
{
	struct json_object *number = json_object_new_double(value);

	json_object_set_serializer(number, json_object_double_to_json_string,
				   (void *)"%.3f", NULL);
	json_append(array, number);
}

static struct json_object *sample_set(const struct bench *b,
				      const struct figure *figure,
				      unsigned int heap)
{
	struct json_object *object = json_object_make();
	struct json_object *array = json_array_make();
	struct stat3 stat;
	unsigned int i;

	figure_stat(b, figure->subject, figure->key, heap, &stat);
	json_put_number(object, "median", stat.median);
	json_put_number(object, "min", stat.min);
	json_put_number(object, "max", stat.max);
	for (i = 0; i < figure->of[heap].n; i++)
		append_number(array, figure->of[heap].value[i]);
	json_put_child(object, "samples", array);
	return object;
}

static struct json_object *figures(const struct bench *b)
{
	struct json_object *array = json_array_make();
	unsigned int heap;
	size_t i;

	for (i = 0; i < b->n_figures; i++) {
		const struct figure *figure = &b->figures[i];
		struct json_object *object = json_object_make();

		json_put_text(object, "subject", figure->subject);
		json_put_text(object, "figure", figure->key);
		for (heap = 0; heap < b->n_heaps; heap++)
			if (figure->of[heap].n)
				json_put_child(object, b->heaps[heap].name,
					       sample_set(b, figure, heap));
		json_append(array, object);
	}
	return array;
}

static struct json_object *promises(const struct bench *b)
{
	struct json_object *array = json_array_make();
	static struct bar bars[BARS_MAX];
	size_t i, n = bars_judge(b, bars, BARS_MAX);

	for (i = 0; i < n; i++) {
		struct json_object *object = json_object_make();

		json_put_text(object, "subject", bars[i].subject);
		json_put_text(object, "text", bars[i].text);
		json_put_number(object, "value", bars[i].value);
		json_put_number(object, "most", bars[i].most);
		if (*bars[i].base)
			json_put_text(object, "of", bars[i].base);
		json_put_bool(object, "kept", bars[i].kept);
		json_put_bool(object, "close", bars[i].close);
		json_append(array, object);
	}
	return array;
}

int json_write(const struct bench *b, const char *path)
{
	struct json_object *object = json_object_make();
	struct json_object *failures = json_array_make();
	unsigned int i;
	int err;

	json_put_child(object, "taken", taken(b));
	json_put_child(object, "allocators", heaps(b));
	json_put_child(object, "traces", traces(b));
	json_put_child(object, "figures", figures(b));
	json_put_child(object, "promises", promises(b));
	for (i = 0; i < b->n_failures; i++)
		json_append_text(failures, b->failure[i]);
	json_put_child(object, "failures", failures);
	err = json_object_to_file_ext(path, object,
				      JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	json_object_put(object);
	return err;
}
