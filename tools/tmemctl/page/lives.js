// SPDX-License-Identifier: GPL-2.0-only
/*
 * How blocks live and how large they are: a histogram of lifetimes, the
 * patterns of the call sites, live bytes by tier; and what library and kernel
 * did when memory was short.
 */
const livesText = (blocks, i) =>
	`${count(blocks)} blocks lived ${plain(micros(2 ** i))} to ${plain(micros(2 ** (i + 1)))}`;

function lifeSteps(n) {
	const steps = [];
	for (let i = 0; i <= n; i += n > 22 ? 5 : 4)
		steps.push(i);
	return steps;
}

function histogram(width) {
	const counts = report.lifetimes, left = 8, height = 170, n = counts.length;
	const most = Math.max(...counts), wide = (width - 2 * left) / n;
	const bars = counts.map((blocks, i) => {
		const tall = most ? blocks / most * (height - 20) : 0;
		const bar = shape("rect", { x: left + i * wide + 1, y: height - Math.max(tall, blocks ? 1.5 : 0),
			width: Math.max(wide - 2, 1), height: Math.max(tall, blocks ? 1.5 : 0), rx: 2, class: "life" });
		bar.style.fill = "var(--accent-fill)";
		return titled(bar, livesText(blocks, i));
	});
	const steps = lifeSteps(n - 1).map((i) => shape("text", { x: left + i * wide, y: height + 17,
		"text-anchor": i ? "middle" : "start" }, plain(micros(2 ** i))));
	const top = counts.indexOf(most);
	const label = shape("text", { x: Math.min(Math.max(left + (top + 0.5) * wide, 34), width - 34), y: 12,
		"text-anchor": "middle", class: "strong" }, count(most));
	return titled(shape("svg", { viewBox: `0 0 ${width} ${height + 24}`, role: "img" },
		[...bars, shape("line", { class: "axis", x1: left, x2: width - left, y1: height, y2: height }), ...steps, label]),
		"Blocks by how long they lived, each bar twice as long as the one before");
}

function patternTable() {
	const rows = report.patterns.map((pattern, i) => el("tr", {}, [el("td", {}, pattern.pattern),
		figure(`patterns.${i}.sites`, count, "td"), figure(`patterns.${i}.allocs`, count, "td"),
		figure(`patterns.${i}.live_bytes`, bytes, "td")]));
	return el("div", { class: "scroll" }, el("table", {}, [el("tr", {},
		["pattern", "sites", "blocks", "live"].map((text) => el("th", {}, text))), ...rows]));
}

function drawLives() {
	const card = byId("lives");
	card.append(el("p", { class: "cap" }, "Blocks that were freed, by how long they had lived; each bar is twice as " +
		"long as the one to its left."));
	if (report.lifetimes.some((n) => n)) {
		const chart = el("div", { class: "chart" });
		card.append(chart);
		draw(chart, histogram);
	} else {
		card.append(el("p", { class: "empty" }, "No block has been freed."));
	}
	card.append(patternTable());
}

/* --- tiers ---------------------------------------------------------------- */

function drawTiers() {
	const tiers = report.memory.tiers, most = Math.max(...tiers.map((tier) => tier.live_bytes), 1);
	byId("tiers").append(el("p", { class: "cap" }, "Live bytes now, by the size of the blocks that they are in."), ...tiers.map((tier, i) => {
		const bar = el("i"), row = el("div", { class: "tier", title: `tier ${tier.name} elements: ${count(tier.live_blocks)} blocks live; ` +
			`${count(tier.allocs)} allocated, ${count(tier.frees)} freed` },
			[tierTitle(i), el("span", { class: "bar" }, bar),
				figure(`memory.tiers.${i}.live_bytes`, bytes)]);
		row.lastChild.className = "figure";
		bar.style.width = `${tier.live_bytes / most * 100}%`;
		row.style.setProperty("--c", colour(`t${i}`));
		return row;
	}));
}

/* --- reaction ------------------------------------------------------------- */

function levelTable() {
	const rows = report.pressure.levels.map((level, i) => el("tr", {}, [
		el("td", {}, [swatch(colour(LEVEL_TONES[i])), ` ${level.level}`]),
		figure(`pressure.levels.${i}.ms`, millis, "td"), figure(`pressure.levels.${i}.share`, percent, "td")]));
	return el("table", {}, [el("tr", {}, ["pressure", "time", "share"].map((text) => el("th", {}, text))), ...rows]);
}

function episodeLine(one) {
	const gone = one.held_before - one.held_least;
	return el("li", {}, `${millis(one.from_ms)} to ${millis(one.to_ms)}, up to ${one.level}: ` +
		(gone > 0 ? `${bytes(gone)} of ${bytes(one.held_before)} given back` :
			`nothing of ${bytes(one.held_before)} given back`));
}

function drawReaction() {
	const card = byId("reaction"), episodes = report.pressure.episodes;
	card.append(el("p", { class: "cap" }, [figure("memory.spans_filled", count), " spans of 2 MiB were taken from the " +
		"system, ", figure("memory.spans_purged", count), " were given back by the library, ",
		figure("memory.spans_lost", count), " recalled by the kernel while idle, and ",
		figure("memory.spans_moved", count), " moved to where they were needed. The library's own tables take ",
		figure("memory.metadata_bytes", bytes), "."]), el("div", { class: "scroll" }, levelTable()));
	if (episodes.length)
		card.append(el("ul", { class: "cap" }, episodes.slice(0, 20).map(episodeLine)));
	else
		card.append(el("p", { class: "cap" }, "Memory was never short while this was recorded."));
}
