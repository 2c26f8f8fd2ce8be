// SPDX-License-Identifier: GPL-2.0-only
/*
 * The spans of each node, in the order of their addresses: a cell for each, or
 * for as many as share one.  Warm ones hold 2 MiB for little.
 */
const FILLS = ["idle", "1/8", "2/8", "3/8", "4/8", "5/8", "6/8", "7/8", "full"];

function cellsOf(node, width) {
	const pitch = node.fill.length > 1200 || width < 560 ? 10 : 14, size = pitch - 2;
	const row = Math.max(Math.floor((width + 2) / pitch), 1);
	const cells = [...node.fill].map((fill, i) => {
		const cell = shape("rect", { x: i % row * pitch, y: Math.floor(i / row) * pitch, width: size,
			height: size, rx: 2.5, class: "cell", "data-fill": fill });
		cell.style.fill = colour(`f${fill}`);
		return cell;
	});
	const height = Math.max(Math.ceil(cells.length / row), 1) * pitch;
	const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, cells);
	return titled(svg, `Spans of node ${node.node} by address: ` + fillCounts(node).map((n, i) =>
		`${n} ${FILLS[i]}`).join(", "));
}

const fillCounts = (node) => FILLS.map((_, i) => node.fill.split(String(i)).length - 1);

function fillLegend(node) {
	return el("ul", { class: "keyline" }, fillCounts(node).map((n, i) =>
		el("li", {}, [swatch(colour(`f${i}`)), FILLS[i], el("b", {}, count(n))])));
}

function drawNode(node, i) {
	const path = `memory.nodes.${i}`;
	const box = el("div", { class: "node" }, el("h3", {}, [`Node ${node.node}`, el("span", {}, [
		figure(`${path}.spans_busy`, count), " busy spans with ", figure(`${path}.free_bytes`, bytes),
		" free between their blocks, ", figure(`${path}.spans_idle`, count), " idle",
		node.fill && node.spans_per_cell > 1 ? `; a cell is ${count(node.spans_per_cell)} spans` : ""])]));
	byId("spans").append(box);
	if (node.fill === null) {
		box.append(el("p", { class: "empty" }, "No picture: the program's library is older than that."));
		return;
	}
	const chart = el("div");
	box.append(chart, fillLegend(node));
	draw(chart, (width) => cellsOf(node, width));
}

function drawSpans() {
	const card = byId("spans");
	card.append(el("p", { class: "cap" }, "Each cell is a span, 2 MiB of one node, in the order of addresses. " +
		"A span with one block in it can be given to nobody else: warm cells are what defragmentation would empty. " +
		"Idle ones are given back when memory is short."));
	if (!report.memory.nodes.length)
		card.append(el("p", { class: "empty" }, "No node holds any span."));
	report.memory.nodes.forEach(drawNode);
}
