// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory over time: areas by size of block and by call site, one above the
 * other, over the level of pressure.  One cursor goes through all of them, by
 * pointer or by the arrow keys.
 */
const LEVELS = ["low", "medium", "high", "critical"];
const LEVEL_TONES = ["low-fill", "notice-fill", "warn-fill", "bad-fill"];
const line = report.timeline;

// What is drawn: title, colour and column, from the bottom up.
function tierLayers() {
	return line.tiers.map((column, i) => ({ title: tierTitle(i),
		tone: colour(`t${i}`), column })).filter((layer) => layer.column.some((n) => n));
}

// Sites of the same function are told apart by their numbers.
function curveTitle(site) {
	const title = placeOf(site)[0];
	const same = line.sites.filter((curve) => placeOf(siteOf.get(curve.site))[0] === title);
	return same.length > 1 ? `${title} (site ${site.site})` : title;
}

function siteLayers() {
	const layers = line.sites.map((curve, i) => ({ title: curveTitle(siteOf.get(curve.site)),
		full: siteOf.get(curve.site).at, tone: colour(`s${i}`), column: curve.bytes }));
	const rest = line.live_bytes.map((live, i) =>
		Math.max(live - layers.reduce((sum, layer) => sum + layer.column[i], 0), 0));
	return [...layers, { title: "all others", tone: colour("s9"), column: rest }];
}

function scaleOf(width) {
	const left = 68, right = 8, end = Math.max(line.us.at(-1), 1);
	const most = Math.max(report.memory.peak_live_bytes, ...line.held_bytes, ...line.live_bytes, 1);
	const height = width < 560 ? 190 : 250;
	return { left, right: width - right, width, height, end, most,
		x: (us) => left + (width - right - left) * us / end,
		y: (n) => 8 + (height - 8) * (1 - n / (most * 1.03)) };
}

function areaOf(scale, below, above) {
	const point = (sums) => (us, i) => `${scale.x(us).toFixed(1)} ${scale.y(sums[i]).toFixed(1)}`;
	const up = line.us.map(point(above)), down = line.us.map(point(below)).reverse();
	if (up.length === 1)
		return `M${scale.left} ${scale.y(above[0])}H${scale.right}V${scale.y(below[0])}H${scale.left}Z`;
	return `M${up.join("L")}L${down.join("L")}Z`;
}

function stack(scale, layers) {
	let below = line.us.map(() => 0);
	return layers.map((layer) => {
		const above = below.map((sum, i) => sum + layer.column[i]);
		const area = shape("path", { d: areaOf(scale, below, above) });
		area.style.fill = layer.tone;
		below = above;
		return titled(area, layer.full || layer.title);
	});
}

function frameOf(scale) {
	const parts = byteSteps(scale.most, 5).flatMap((n) => [
		shape("line", { class: "grid", x1: scale.left, x2: scale.right, y1: scale.y(n), y2: scale.y(n) }),
		shape("text", { x: scale.left - 8, y: scale.y(n) + 4, "text-anchor": "end" }, plain(bytes(n)))]);
	return parts;
}

function linesOf(scale) {
	const held = line.us.map((us, i) => `${scale.x(us).toFixed(1)} ${scale.y(line.held_bytes[i]).toFixed(1)}`);
	const y = scale.y(report.memory.peak_live_bytes);
	return [titled(shape("path", { class: "held", d: `M${held.join("L")}` }), "held in spans"),
		titled(shape("line", { class: "peak", x1: scale.left, x2: scale.right, y1: y, y2: y }),
			`the most live at once: ${bytes(report.memory.peak_live_bytes)}`),
		shape("text", { class: "mark", x: scale.left + 4, y: y - 5 },
			`peak ${bytes(report.memory.peak_live_bytes)}`)];
}

function areas(scale, layers, title) {
	const cursor = shape("line", { class: "cursor", y1: 0, y2: scale.height, visibility: "hidden" });
	const svg = titled(shape("svg", { viewBox: `0 0 ${scale.width} ${scale.height + 2}`, role: "img" },
		[...frameOf(scale), ...stack(scale, layers), ...linesOf(scale), cursor]), title);
	return { svg, cursor };
}

/* --- the level ------------------------------------------------------------ */

// Moments of the same level in a row are one piece.
function levelPieces() {
	const pieces = [];
	line.level.forEach((level, i) => {
		if (!pieces.length || pieces.at(-1).level !== level)
			pieces.push({ level, from: line.us[i] });
		pieces.at(-1).to = line.us[i + 1] ?? line.us[i];
	});
	return pieces;
}

function band(scale) {
	const cursor = shape("line", { class: "cursor", y1: 0, y2: 18, visibility: "hidden" });
	const pieces = levelPieces().map((piece) => {
		const rect = shape("rect", { x: scale.x(piece.from), y: 2, height: 14, class: "level",
			width: Math.max(scale.x(piece.to) - scale.x(piece.from), 2) });
		rect.style.fill = colour(LEVEL_TONES[piece.level]);
		return titled(rect, `pressure ${LEVELS[piece.level]}, ${micros(piece.from)} to ${micros(piece.to)}`);
	});
	if (line.us.length === 1)
		put(pieces[0], { x: scale.left, width: scale.right - scale.left });
	const steps = timeSteps(scale.end, scale.width < 560 ? 4 : 8).flatMap((us) => [
		shape("line", { class: "axis", x1: scale.x(us), x2: scale.x(us), y1: 18, y2: 22 }),
		shape("text", { x: scale.x(us), y: 36, "text-anchor": us ? "middle" : "start" }, us ? plain(micros(us)) : "0")]);
	const svg = titled(shape("svg", { viewBox: `0 0 ${scale.width} 40`, role: "img" },
		[shape("text", { x: scale.left - 8, y: 13, "text-anchor": "end" }, "pressure"), ...pieces, ...steps, cursor]),
		"Level of memory pressure over time");
	return { svg, cursor };
}

/* --- legends, and the cursor ---------------------------------------------- */

function legend(layers, extra) {
	const values = [];
	const items = layers.map((layer) => {
		values.push(el("b"));
		return el("li", { title: layer.full || layer.title }, [swatch(layer.tone), named(layer.title), values.at(-1)]);
	});
	return { list: el("ul", { class: "keyline" }, [...items.reverse(), ...extra]), values };
}

function momentText(i) {
	return `${plain(micros(line.us[i]))}, step ${count(line.step[i])}: ${bytes(line.live_bytes[i])} live, ` +
		`${bytes(line.held_bytes[i])} held, pressure ${LEVELS[line.level[i]]}`;
}

const RESTING = "Point at the picture, or press the arrow keys in it, for the figures of a moment.";
let moment = -1;

function follow(charts, panels, now, scale) {
	const show = (i) => {
		moment = i;
		now.textContent = i < 0 ? RESTING : momentText(i);
		for (const { cursor } of charts) {
			put(cursor, { visibility: i < 0 ? "hidden" : "visible" });
			put(cursor, { x1: scale.x(line.us[i] || 0), x2: scale.x(line.us[i] || 0) });
		}
		for (const { layers, values } of panels)
			layers.forEach((layer, k) => { values[k].textContent = bytes(i < 0 ? layer.column.at(-1) : layer.column[i]); });
	};
	for (const { svg } of charts) {
		svg.addEventListener("pointermove", (event) => {
			const box = svg.getBoundingClientRect();
			const us = ((event.clientX - box.left) * scale.width / box.width - scale.left) /
				(scale.right - scale.left) * scale.end;
			show(line.us.reduce((best, at, i) => Math.abs(at - us) < Math.abs(line.us[best] - us) ? i : best, 0));
		});
		svg.addEventListener("pointerleave", () => show(-1));
	}
	return show;
}

const KEYS = { ArrowLeft: (i) => i - 1, ArrowRight: (i) => i + 1, Home: () => 0, End: () => line.us.length - 1 };

function listen(node, show) {
	put(node, { tabindex: 0, role: "group", "aria-label": "Memory over time; arrow keys move through it" });
	node.onkeydown = (event) => {
		const move = KEYS[event.key];
		if (event.key === "Escape")
			show(-1);
		if (!move)
			return;
		show(Math.min(Math.max(move(moment), 0), line.us.length - 1));
		event.preventDefault();
	};
}

function paintTime(node, width) {
	const scale = scaleOf(width);
	const extra = () => [el("li", {}, [swatch("", true), "held"])];
	const panels = [["by size of the block", tierLayers()], ["by call site", siteLayers()]].map(([title, layers]) =>
		({ title, layers, chart: areas(scale, layers, `Live bytes over time, ${title}`), ...legend(layers, extra()) }));
	const level = band(scale);
	const now = el("p", { class: "now", "aria-live": "polite" }, RESTING);
	const show = follow([...panels.map((panel) => panel.chart), level], panels, now, scale);
	listen(node, show);
	show(-1);
	return [now, ...panels.map((panel) => el("div", { class: "chart" },
		[el("h3", {}, panel.title), panel.chart.svg, panel.list])), el("div", { class: "chart" }, level.svg)];
}

function drawTime() {
	const card = byId("timeline");
	if (!line.us.length) {
		card.append(el("p", { class: "empty" }, "Not recorded: the timeline is empty."));
		return;
	}
	const chart = el("div");
	card.append(chart, el("p", { class: "cap" }, "At each moment only the largest call sites are known; what " +
		"a site had when it was not among them is in all others. Beside the names: the last moment, or that " +
		"of the cursor. The dotted line is the most that was ever live at once, which may lie between two moments."));
	draw(chart, (width) => paintTime(chart, width));
}
