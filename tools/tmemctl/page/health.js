// SPDX-License-Identifier: GPL-2.0-only
/*
 * The health score: a gauge, the terms that take it down one after another,
 * and what to do.
 */
const BANDS = { normal: "good", moderate: "notice", warning: "warn", critical: "bad" };
const NO_HEALTH = "Not recorded: the program's library is older than that, or a figure was no number.";

// What is read is darker than what is only seen.
const toneOf = (health) => colour(BANDS[health.band] || "accent");
const fillOf = (health) => colour(`${BANDS[health.band] || "accent"}-fill`);

function arcOf(from, to) {
	const at = (share) => {
		const angle = (-225 + 270 * share) * Math.PI / 180;
		return `${(74 + 58 * Math.cos(angle)).toFixed(2)} ${(74 + 58 * Math.sin(angle)).toFixed(2)}`;
	};
	return `M${at(from)}A58 58 0 ${to - from > 2 / 3 ? 1 : 0} 1 ${at(to)}`;
}

function drawGauge() {
	const health = report.health;
	if (!health)
		return;
	const tone = toneOf(health);
	const stroke = { fill: "none", "stroke-width": 13, "stroke-linecap": "round" };
	const score = shape("text", { x: 74, y: 82, "text-anchor": "middle", class: "score" });
	score.append(two(health.score));
	put(score, { "data-path": "health.score", "data-format": "two" });
	const band = shape("text", { x: 74, y: 104, "text-anchor": "middle", class: "band" }, health.band);
	band.style.fill = tone;
	const full = shape("path", { ...stroke, d: arcOf(0, 1) });
	const part = shape("path", { ...stroke, d: arcOf(0, Math.max(health.score, 0.004)) });
	full.style.stroke = "var(--faint)";
	part.style.stroke = fillOf(health);
	byId("gauge").append(titled(shape("svg", { viewBox: "0 0 148 132", role: "img" },
		[full, part, score, band]), `Health ${two(health.score)} of 1, ${health.band}`));
}

/* --- waterfall ------------------------------------------------------------ */

function fallRow(chart, i, name, from, to, text, tone, path) {
	const { x, row, width } = chart;
	const y = i * row;
	const bar = shape("rect", { x: x(Math.min(from, to)), y: y + 7, rx: 3,
		width: Math.max(x(Math.max(from, to)) - x(Math.min(from, to)), 1.5), height: row - 14 });
	bar.style.fill = tone;
	const figure = shape("text", { x: width, y: y + row / 2 + 4, "text-anchor": "end", class: "strong" }, text);
	if (path)
		put(figure, { "data-path": path, "data-format": "three" });
	const most = Math.floor(chart.x(0) / 7.6);
	return [bar, figure, titled(shape("text", { x: 0, y: y + row / 2 + 4, class: "strong" },
		name.length > most ? `${name.slice(0, most - 1)}\u2026` : name), name)];
}

function fallScale(width, score) {
	const left = Math.min(180, width * 0.36), right = 62;
	const low = score >= 0.55 ? 0.5 : 0;
	return { low, x: (share) => left + (width - left - right) *
		Math.min(Math.max((share - low) / (1 - low), 0), 1) };
}

function fallGrid(chart, height, low) {
	const parts = [];
	for (let share = low; share < 1.001; share += low ? 0.1 : 0.2) {
		parts.push(shape("line", { class: "grid", x1: chart.x(share), x2: chart.x(share), y1: 0, y2: height }));
		parts.push(shape("text", { x: chart.x(share), y: height + 16, "text-anchor": "middle" }, share.toFixed(1)));
	}
	return parts;
}

function waterfall(width) {
	const health = report.health, row = 34, rows = health.terms.length + 1;
	const scale = fallScale(width, health.score);
	const chart = { width, row, x: scale.x };
	const parts = fallGrid(chart, rows * row, scale.low);
	let at = 1;
	health.terms.forEach((term, i) => {
		const next = Math.max(at - term.penalty, 0);
		parts.push(...fallRow(chart, i, term.name, at, next, three(term.penalty),
			colour(term.penalty > 0 ? "warn-fill" : "line"), `health.terms.${i}.penalty`));
		parts.push(shape("line", { class: "axis", x1: scale.x(next), x2: scale.x(next),
			y1: (i + 1) * row - 7, y2: (i + 1) * row + 7 }));
		at = next;
	});
	parts.push(...fallRow(chart, rows - 1, "score", scale.low, health.score, two(health.score),
		fillOf(health)));
	return titled(shape("svg", { viewBox: `0 0 ${width} ${rows * row + 22}`, role: "img" }, parts),
		`From 1, ${health.terms.map((t) => `${t.name} takes ${three(t.penalty)}`).join(", ")}: ${two(health.score)} are left`);
}

function termTable() {
	const rows = report.health.terms.map((term, i) => el("tr", {}, [
		el("td", {}, named(term.name)),
		figure(`health.terms.${i}.value`, three, "td"),
		figure(`health.terms.${i}.weight`, three, "td"),
		figure(`health.terms.${i}.penalty`, three, "td")]));
	return el("details", {}, [el("summary", { class: "now" }, "The terms as a table"),
		el("div", { class: "scroll" }, el("table", {}, [
			el("tr", {}, ["term", "value", "weight", "takes off"].map((text) => el("th", {}, text))),
			...rows]))]);
}

function drawTerms() {
	const card = byId("terms");
	if (!report.health) {
		card.append(el("p", { class: "empty" }, NO_HEALTH));
		return;
	}
	card.append(el("p", { class: "cap" }, "It begins at 1; each term takes off its value, weighted. " +
		"What is left is the score."));
	const chart = el("div", { class: "chart" });
	card.append(chart, termTable());
	if (report.health.unknown.length)
		card.append(el("p", { class: "cap" }, ["Not known, and counted as nothing: ",
			named(report.health.unknown.join(", ")), "."]));
	draw(chart, waterfall);
}

/* --- advice --------------------------------------------------------------- */

function commandOf(text) {
	const button = el("button", { type: "button", "aria-label": "Copy the command" }, "Copy");
	button.addEventListener("click", () => {
		const range = document.createRange();
		range.selectNodeContents(button.previousSibling);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		navigator.clipboard?.writeText(text).then(() => { button.textContent = "Copied"; }, () => {});
	});
	return el("div", { class: "cmd" }, [el("code", {}, named(text)), button]);
}

function adviceOf(one, i) {
	const item = el("li", {}, [el("span", { class: "rank" }, String(i + 1)), el("div", {}, [
		el("p", { class: "top" }, [el("h3", {}, named(one.id)),
			el("span", {}, ["severity ", figure(`advice.${i}.severity`, two)])]),
		el("p", {}, named(one.text)), ...(one.command ? [commandOf(one.command)] : [])])]);
	item.style.setProperty("--sev", colour(one.severity >= 0.66 ? "bad" : one.severity >= 0.33 ? "warn" : "notice"));
	return item;
}

function drawAdvice() {
	const place = byId("advice");
	if (!report.advice || !report.advice.length)
		place.append(el("div", { class: report.advice ? "card fine" : "card" }, el("p", { class: "empty" },
			report.advice ? "Nothing: no figure here is worth a change." : NO_HEALTH)));
	else
		place.append(el("ol", { class: "advice" }, report.advice.map(adviceOf)));
}
