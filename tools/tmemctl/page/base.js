// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all parts of the page use: elements, figures for people, axes.
 *
 * Names come from the program that was looked at.  They enter the page as text
 * only; nothing here makes elements from text.
 */
const report = JSON.parse(document.getElementById("report").textContent);
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const siteOf = new Map(report.sites.map((site) => [site.site, site]));

function put(node, attributes, children) {
	for (const [key, value] of Object.entries(attributes || {}))
		node.setAttribute(key, value);
	for (const child of [].concat(children ?? []))
		node.append(child);
	return node;
}

const el = (name, attributes, children) =>
	put(document.createElement(name), attributes, children);
const shape = (name, attributes, children) =>
	put(document.createElementNS(SVG, name), attributes, children);

// One that is read out, and shown when the pointer rests on it.
const titled = (node, text) => {
	node.prepend(shape("title", {}, text));
	return node;
};

// Text of a stranger: it cannot turn the direction of what stands beside it.
const named = (text) => el("bdi", {}, text);

const swatch = (colour, dash) => {
	const node = el("span", { class: dash ? "swatch dash" : "swatch" });
	if (!dash)
		node.style.background = colour;
	return node;
};

/* --- figures: as the tool's text has them ---------------------------------- */

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function bytes(n) {
	if (n < 1024)
		return `${n} B`;
	let value = n / 1024, i = 0;
	for (; value >= 1023.95 && i < 5; i++)
		value /= 1024;
	return `${value.toFixed(1)} ${UNITS[i]}`;
}

const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const percent = (ratio) => `${(ratio * 100).toFixed(1)} %`;
const two = (n) => n.toFixed(2);
const three = (n) => n.toFixed(3);

function micros(us) {
	const units = ["us", "ms", "s"];
	let i = 0;
	if (!us)
		return "0 s";
	for (; us >= 1000 && i < 2; i++)
		us /= 1000;
	if (i === 2 && us >= 7200)
		return `${(us / 3600).toFixed(1)} h`;
	if (i === 2 && us >= 120)
		return `${(us / 60).toFixed(1)} min`;
	return `${us < 10 ? us.toFixed(2) : us.toFixed(1)} ${units[i]}`;
}

const millis = (ms) => micros(ms * 1000);

/*
 * A figure of the report: the page says by data-path where it is in the JSON,
 * and a test looks whether it is the same there.
 */
function figure(path, format, name = "span") {
	const value = path.split(".").reduce((at, key) => at[key], report);
	return el(name, { "data-path": path, "data-format": format.name },
		format(value));
}

/* --- axes ----------------------------------------------------------------- */

// Round steps of bytes: powers of two; and of time: 1, 2, 5.
function byteSteps(most, wanted) {
	let step = 1;
	while (most / step > wanted)
		step *= 2;
	const steps = [];
	for (let at = 0; at <= most; at += step)
		steps.push(at);
	return steps;
}

function timeSteps(most, wanted) {
	let step = 10 ** Math.floor(Math.log10(Math.max(most, 1) / wanted));
	for (const times of [2, 2.5, 2])
		if (most / step > wanted)
			step *= times;
	const steps = [];
	for (let at = 0; at <= most && steps.length < 50; at += step)
		steps.push(at);
	return steps;
}

const plain = (text) => text.replace(/\.0+ /, " ").replace(/(\.\d*[1-9])0+ /, "$1 ");

// Tiers are named by elements of four bytes; people think of blocks in bytes.
const tierTitle = (i) => i < 8 ? `\u2264 ${plain(bytes(256 * 4 ** i))}` : "> 4 MiB";

// Where a site is in the code: the function, and the rest of its name.
function placeOf(site) {
	const text = site.at;
	const python = /^(\S*?)([^/\s:]+):(\d+):(\S+)(.*)$/.exec(text);
	if (python)
		return [python[4], `${python[2]}:${python[3]}${python[5] && "  from " + python[5].trim()}`];
	const native = /^(.*?) (at|in) (.*)$/.exec(text);
	return native ? [native[1], `${native[2]} ${native[3]}`] : [text, ""];
}

// A colour of the set, as the style sheet has it in light and dark.
const colour = (name) => `var(--${name})`;

// Charts are drawn for the width that they have, and again when it changes.
const drawn = [];
function draw(node, paint) {
	const one = { node, paint, width: 0 };
	drawn.push(one);
	redraw(one);
}

function redraw(one) {
	const width = Math.max(220, Math.round(one.node.clientWidth));
	if (width === one.width)
		return;
	one.width = width;
	one.node.replaceChildren(...[].concat(one.paint(width)));
}
