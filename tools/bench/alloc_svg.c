// SPDX-License-Identifier: GPL-2.0-only
/*
 * The results as a picture: one panel per figure, bars in groups by trace (or
 * block size), one colour per allocator, a thin line from the lowest sample
 * to the highest.
 *
 * Some bars are a hundred times as high as those that matter.  The axis ends
 * a little above what libtmem and its rivals need; higher bars are cut, and
 * the number on them says how high they are.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"

#define WIDTH 1180
#define LEFT 56
#define TOP 118 /* title and legend */
#define PANEL 250
#define PLOT 158 /* height of the bars' room */
#define NARROW 2 /* groups that half of the width is enough for */
#define GROUPS_MAX (TRACES_MAX > 16 ? TRACES_MAX : 16)

/* struct panel - @rows: of the ladder, groups are sizes; else traces */
struct panel {
	const char *title;
	const char *key;
	double scale;
	const char *kind;
};

static const struct panel panels[] = {
	{ "Nothing touched, warm: ns per event", "none.warm.ns", 1, NULL },
	{ "One word per page written, warm: us of CPU per event",
	  "page.warm.cpu", 1e-3, NULL },
	{ "The same, first replay in the process (cold): us of CPU per event",
	  "page.cold.cpu", 1e-3, NULL },
	{ "Page faults in one warm replay", "page.warm.faults", 1, NULL },
	{ "Resident bytes / live bytes, at the peak", "page.warm.resident", 1,
	  NULL },
	{ "Resident bytes / live bytes, after idling", "idle.after", 1, NULL },
	{ "Freeing a block, 99.9 %: us", "page.free.p999", 1e-3, NULL },
	{ "Every byte written, warm: us of CPU per event", "full.warm.cpu",
	  1e-3, NULL },
	{ "alloc and free at once: ns for both, by size", NULL, 1, "pair" },
	{ "Many taken, then freed: ns for both, by size", NULL, 1, "batch" },
	{ "Taken by one thread, freed by another: ns, by size", NULL, 1,
	  "remote" },
};

#define PANELS (sizeof(panels) / sizeof(*panels))

/* Told apart by most people who do not see all colours, too. */
static const char *const colours[] = { "#0072b2", "#e69f00", "#009e73",
				       "#cc79a7", "#9aa0a6", "#5f6368",
				       "#56b4e9", "#d55e00", "#b8a000" };

#define COLOURS (sizeof(colours) / sizeof(*colours))

/* struct chart - one panel while it is drawn */
struct chart {
	FILE *out;
	const struct bench *b;
	unsigned int heaps[HEAPS_MAX];
	unsigned int n_heaps;
	const struct panel *panel;
	const char *subject[GROUPS_MAX];
	const char *key[GROUPS_MAX];
	const char *label[GROUPS_MAX];
	unsigned int groups;
	double high; /* value at the top of the plot */
	double x; /* of the plot's left end */
	double y; /* of the plot's bottom */
	double width;
};

/* Names come from files' names. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text >= ' ' && *text <= '~')
			fputc(*text, out);
		else
			fputc('?', out);
}

static void put_words(const struct chart *c, double x, double y,
		      const char *class, const char *text)
{
	fprintf(c->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x,
		y);
	put_text(c->out, text);
	fputs("</text>\n", c->out);
}

static bool group_stat(const struct chart *c, unsigned int group,
		       unsigned int heap, struct stat3 *stat)
{
	if (!figure_stat(c->b, c->subject[group], c->key[group], heap, stat))
		return false;
	stat->median *= c->panel->scale;
	stat->min *= c->panel->scale;
	stat->max *= c->panel->scale;
	return true;
}

/* --- what stands in a panel ------------------------------------------------------ */

static void add_group(struct chart *c, const char *subject, const char *key,
		      const char *label)
{
	if (c->groups == GROUPS_MAX || !figure_any(c->b, subject, key))
		return;
	c->subject[c->groups] = subject;
	c->key[c->groups] = key;
	c->label[c->groups++] = label;
}

static void choose_groups(struct chart *c)
{
	const char *kind = c->panel->kind;
	const struct row *row;
	unsigned int i;

	c->groups = 0;
	for (i = 0; !kind && i < c->b->n_traces; i++)
		add_group(c, c->b->traces[i].name, c->panel->key,
			  c->b->traces[i].name);
	for (row = ladder_rows(); kind && row->key; row++)
		if (!strncmp(row->key, kind, strlen(kind)) &&
		    row->key[strlen(kind)] == '.')
			add_group(c, LADDER, row->key, row->label);
}

/* Others count up to twice what libtmem and the best rival need. */
static void choose_height(struct chart *c)
{
	double needed = 0, all = 0;
	struct stat3 stat;
	unsigned int g, i;

	for (g = 0; g < c->groups; g++) {
		if (figure_best(c->b, c->subject[g], c->key[g], true, &stat) >=
		    0)
			needed = fmax(needed, stat.median * c->panel->scale);
		for (i = 0; i < c->n_heaps; i++) {
			if (!group_stat(c, g, c->heaps[i], &stat))
				continue;
			all = fmax(all, stat.median);
			if (c->b->heaps[c->heaps[i]].ours)
				needed = fmax(needed, stat.median);
		}
	}
	c->high = 1.08 * (needed > 0 ? fmin(all, 2 * needed) : all);
	if (c->high <= 0)
		c->high = 1;
}

/* 1, 2 or 5 times a power of ten: at most six lines. */
static double step_of(double high)
{
	double power = pow(10, floor(log10(high / 6)));
	double part = high / 6 / power;

	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void draw_axis(const struct chart *c)
{
	double step = step_of(c->high);
	double value;
	char text[32];

	for (value = 0; value <= c->high; value += step) {
		double y = c->y - value / c->high * PLOT;

		fprintf(c->out,
			"<line class=\"%s\" x1=\"%.0f\" y1=\"%.1f\""
			" x2=\"%.0f\" y2=\"%.1f\"/>\n",
			value > 0 ? "grid" : "base", c->x, y, c->x + c->width,
			y);
		snprintf(text, sizeof(text), "%g", value);
		put_words(c, c->x - 6, y + 4, "axis", text);
	}
}

static void draw_whisker(const struct chart *c, double x,
			 const struct stat3 *stat)
{
	double low = c->y - fmin(stat->min / c->high, 1) * PLOT;
	double high = c->y - fmin(stat->max / c->high, 1) * PLOT;

	if (stat->n > 1 && low - high > 1)
		fprintf(c->out,
			"<line class=\"range\" x1=\"%.1f\" y1=\"%.1f\""
			" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			x, low, x, high);
}

/* Two strokes through a bar that goes on above the panel. */
static void draw_cut(const struct chart *c, double x, double width)
{
	double y = c->y - PLOT + 10;

	fprintf(c->out,
		"<path class=\"cut\" d=\"M%.1f %.1fl%.1f -5m0 5l-%.1f 5\"/>\n",
		x - 1, y, width + 2, width + 2);
}

static void draw_bar(const struct chart *c, double x, double width,
		     unsigned int index, const struct stat3 *stat)
{
	bool cut = stat->median > c->high;
	double height = (cut ? 1 : stat->median / c->high) * PLOT;
	double middle = x + width / 2;

	fprintf(c->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\""
		" fill=\"%s\"><title>",
		x, c->y - height, width, height, colours[index % COLOURS]);
	put_text(c->out, c->b->heaps[c->heaps[index]].name);
	fprintf(c->out, ": %s (%s to %s, %u samples)</title></rect>\n",
		number(stat->median).text, number(stat->min).text,
		number(stat->max).text, stat->n);
	if (cut)
		draw_cut(c, x, width);
	else
		draw_whisker(c, middle, stat);
	fprintf(c->out,
		"<text class=\"value%s\" transform=\"translate(%.1f %.1f)"
		" rotate(-58)\">%s</text>\n",
		cut ? " strong" : "", middle + 3, c->y - height - 4,
		number(stat->median).text);
}

static void draw_group(const struct chart *c, unsigned int group)
{
	double room = c->width / c->groups;
	double width = fmin(room * 0.84 / c->n_heaps, 46);
	double x = c->x + group * room + (room - width * c->n_heaps) / 2;
	struct stat3 stat;
	unsigned int i;

	for (i = 0; i < c->n_heaps; i++)
		if (group_stat(c, group, c->heaps[i], &stat))
			draw_bar(c, x + i * width, width - 2, i, &stat);
	put_words(c, c->x + (group + 0.5) * room, c->y + 17, "group",
		  c->label[group]);
}

/* --- the picture ----------------------------------------------------------------- */

static void draw_head(const struct chart *c, int height)
{
	const struct host_fact *facts = c->b->facts;
	char text[768];

	fprintf(c->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
		" width=\"%d\" height=\"%d\" font-family=\"sans-serif\">\n"
		"<style>text{fill:#202124}.title{font-size:20px;"
		"font-weight:bold}.note{font-size:12px;fill:#5f6368}"
		".panel{font-size:14px;font-weight:bold}.axis{font-size:11px;"
		"text-anchor:end;fill:#5f6368}.group{font-size:12px;"
		"text-anchor:middle}.value{font-size:10px}.strong{"
		"font-weight:bold}.grid{stroke:#e3e5e8}.base{stroke:#5f6368}"
		".range{stroke:#202124;stroke-width:1.2;opacity:.55}.cut{stroke:#fff;"
		"stroke-width:2;fill:none}</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
		WIDTH, height, WIDTH, height, WIDTH, height);
	put_words(c, 16, 32, "title", "libtmem beside other allocators");
	snprintf(text, sizeof(text),
		 "%s, %s CPUs, %s, Linux %s, huge pages: %s", facts[1].text,
		 facts[2].text, facts[3].text, facts[0].text, facts[4].text);
	put_words(c, 16, 53, "note", text);
	snprintf(text, sizeof(text),
		 "Medians of %u round%s, interleaved; thin lines: lowest to"
		 " highest sample; bars with a white mark go on. Lower is"
		 " better everywhere.%s",
		 c->b->rounds_done, c->b->rounds_done == 1 ? "" : "s",
		 c->b->cut ? " ONLY A LOOK: first part of each trace." : "");
	put_words(c, 16, 70, "note", text);
}

static void draw_legend(const struct chart *c)
{
	double x = 16;
	unsigned int i;

	for (i = 0; i < c->n_heaps; i++) {
		const char *name = c->b->heaps[c->heaps[i]].name;

		fprintf(c->out,
			"<rect x=\"%.1f\" y=\"84\" width=\"13\" height=\"13\""
			" fill=\"%s\"/>\n",
			x, colours[i % COLOURS]);
		put_words(c, x + 18, 95, "group\" style=\"text-anchor:start",
			  name);
		x += 44 + 7.5 * (double)strlen(name);
	}
}

static void draw_panel(struct chart *c)
{
	unsigned int i;

	put_words(c, c->x - LEFT + 16, c->y - PLOT - 42, "panel",
		  c->panel->title);
	choose_height(c);
	draw_axis(c);
	for (i = 0; i < c->groups; i++)
		draw_group(c, i);
}

/* struct layout - where the next panel goes */
struct layout {
	unsigned int row;
	bool half; /* beside another one */
};

/* Few groups take half of the width, and two panels stand side by side. */
static void place(struct chart *c, struct layout *l)
{
	bool narrow = c->groups <= NARROW;

	if (!narrow && l->half) {
		l->row++;
		l->half = false;
	}
	c->x = LEFT + (l->half ? WIDTH / 2.0 : 0);
	c->width = (narrow ? WIDTH / 2.0 : WIDTH) - LEFT - 12;
	c->y = TOP + (l->row + 1) * PANEL - 34;
	l->row += !narrow || l->half;
	l->half = narrow && !l->half;
}

/* The height of all panels; the first time they are only counted. */
static int draw_panels(struct chart *c, bool draw)
{
	struct layout layout = { 0 };
	size_t i;

	for (i = 0; i < PANELS; i++) {
		c->panel = &panels[i];
		choose_groups(c);
		if (!c->groups)
			continue;
		place(c, &layout);
		if (draw)
			draw_panel(c);
	}
	return (int)(layout.row + layout.half) * PANEL;
}

static int draw_all(struct chart *c)
{
	draw_head(c, TOP + draw_panels(c, false) + 10);
	draw_legend(c);
	draw_panels(c, true);
	fputs("</svg>\n", c->out);
	return ferror(c->out) ? -1 : 0;
}

int svg_write(const struct bench *b, const char *path)
{
	struct chart chart = { .b = b };
	unsigned int i;
	int err;

	for (i = 0; i < b->n_heaps; i++)
		if (heap_runs(&b->heaps[i]) && !b->heaps[i].nothing)
			chart.heaps[chart.n_heaps++] = i;
	chart.out = fopen(path, "we");
	if (!chart.out)
		return -1;
	err = draw_all(&chart);
	return fclose(chart.out) ? -1 : err;
}
