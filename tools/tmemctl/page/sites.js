// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who asks for memory: the call sites with the most, each with its stack and
 * the lives of its blocks; and those that leak.
 */
const leakOf = new Map(report.leaks.map((leak) => [leak.site, leak]));
const ORDERS = {
	live: { title: "Live now", key: "live_bytes" },
	bytes: { title: "Allocated in all", key: "alloc_bytes" },
};

function frameText(frame) {
	const where = frame.file ? ` at ${frame.file}:${frame.line}` : "";
	if (frame.function)
		return (frame.inlined ? `${frame.inlined} in ` : "") + frame.function + where;
	return frame.module ? `${frame.module}+0x${frame.offset.toString(16)}` : frame.address;
}

function fact(title, text) {
	return el("span", {}, [`${title} `, el("b", {}, text)]);
}

function factsOf(site) {
	const facts = [fact("site", String(site.site)), fact("live", bytes(site.live_bytes)),
		fact("in blocks", count(site.live_blocks)), fact("peak", bytes(site.peak_live_bytes)),
		fact("allocated", bytes(site.alloc_bytes)), fact("allocations", count(site.allocs)),
		fact("freed", count(site.frees))];
	if (site.error_bytes)
		facts.push(fact("standard error", bytes(site.error_bytes)));
	return el("p", { class: "facts" }, facts);
}

function stackOf(site) {
	return el("ol", { "aria-label": "Stack, the nearest call first" },
		site.frames.map((frame) => el("li", {}, named(frameText(frame)))));
}

// The lives of its blocks, in short: from the first bucket that has any.
function livesOf(site) {
	const first = site.lifetimes.findIndex((n) => n);
	if (first < 0)
		return [];
	const some = site.lifetimes.slice(first), most = Math.max(...some);
	const bars = some.map((n, i) => {
		const tall = n / most * 40, bar = shape("rect", { x: i * 14, y: 42 - tall, width: 12, height: tall, rx: 2 });
		bar.style.fill = "var(--accent-fill)";
		return titled(bar, livesText(n, first + i));
	});
	const width = some.length * 14;
	const chart = titled(shape("svg", { viewBox: `0 0 ${width} 43`, role: "img" },
		[...bars, shape("line", { class: "axis", x1: 0, x2: width, y1: 42.5, y2: 42.5 })]),
		"Blocks by how long they lived, each bar twice as long as the one before");
	chart.style.width = `${width}px`;
	const range = `freed after ${plain(micros(2 ** first))} to ${plain(micros(2 ** site.lifetimes.length))}`;
	return [el("div", {}, [chart, el("p", { class: "facts" }, range)])];
}

function chips(site) {
	const list = [el("span", { class: "chip" }, named(site.pattern))];
	if (leakOf.has(site.site))
		list.unshift(el("span", { class: "chip leak" }, "leak"));
	if (site.tag && site.tag !== site.label)
		list.push(el("span", { class: "chip" }, named(site.tag)));
	return list;
}

function siteRow(site, order, most) {
	const value = site[order.key], [title, rest] = placeOf(site);
	const bar = el("i");
	bar.style.width = `${most ? value / most * 100 : 0}%`;
	const where = report.sites.indexOf(site);
	return el("details", { class: "site" }, [
		el("summary", { title: site.at }, [
			el("span", { class: "name" }, [named(title), " ", ...chips(site), el("small", {}, named(rest))]),
			el("span", { class: leakOf.has(site.site) ? "bar bad" : "bar" }, bar),
			el("span", { class: "figure" }, figure(`sites.${where}.${order.key}`, bytes))]),
		el("div", { class: "more" }, [factsOf(site), ...livesOf(site), stackOf(site)])]);
}

function showOrder(name, list, buttons) {
	const order = ORDERS[name];
	const sites = report.top[name].map((id) => siteOf.get(id)).filter((site) => site[order.key]);
	const most = sites.length ? sites[0][order.key] : 0;
	list.replaceChildren(...sites.map((site) => siteRow(site, order, most)));
	if (!sites.length)
		list.append(el("p", { class: "empty" }, "None."));
	for (const [key, button] of Object.entries(buttons))
		put(button, { "aria-pressed": key === name });
}

function drawSites() {
	const list = el("div", { id: "site-list" }), buttons = {};
	for (const [name, order] of Object.entries(ORDERS)) {
		buttons[name] = el("button", { type: "button" }, order.title);
		buttons[name].addEventListener("click", () => showOrder(name, list, buttons));
	}
	byId("sites").append(el("div", { class: "switch", role: "group", "aria-label": "Order" },
		Object.values(buttons)), list);
	showOrder("live", list, buttons);
}

/* --- leaks ---------------------------------------------------------------- */

function leakCard(leak, i) {
	const site = siteOf.get(leak.site), [title, rest] = placeOf(site);
	return el("div", { class: "card leak-card" }, [
		el("h3", {}, [named(title), " ", ...chips(site)]), el("p", { class: "meta" }, named(rest)),
		el("p", {}, ["grows by ", el("b", {}, figure(`leaks.${i}.bytes_per_step`, stepBytes)), " a step since step ",
			figure(`leaks.${i}.since_step`, count), ", named at step ", figure(`leaks.${i}.named_at_step`, count),
			`; ${bytes(site.live_bytes)} live, ${count(site.frees)} of ${count(site.allocs)} blocks were freed.`]),
		el("div", { class: "more" }, stackOf(site))]);
}

// A rate is no whole number, and may be negative.
function stepBytes(rate) {
	return bytes(Math.floor(Math.max(rate, 0)));
}

function drawLeaks() {
	const place = byId("leaks"), steps = report.program.steps;
	place.append(...report.leaks.map(leakCard));
	if (!report.leaks.length)
		place.append(el("div", { class: steps ? "card fine" : "card" }, el("p", { class: "empty" }, steps ?
			`None: over ${count(steps)} steps no call site kept growing.` :
			"Nothing can be said: the program marked no steps (tmem_step_mark).")));
}
