// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of the page: whose memory it is, how well it does, and the figures
 * that one looks for first.
 */
function drawHead() {
	const program = report.program;
	const name = program.exe.split("/").pop() || `process ${program.pid}`;
	const when = new Date(program.wall_ms);
	const time = isNaN(when) ? "" : when.toLocaleString(undefined,
		{ dateStyle: "medium", timeStyle: "medium" });
	byId("program").append(named(name));
	document.title = `${name}: tmem report`;
	byId("program").firstChild.remove();
	byId("meta").append(`process ${program.pid}, ${time}. `,
		figure("pressure.all_ms", millis), " recorded, ",
		figure("program.steps", count), " steps, ",
		figure("program.sites_seen", count), " call sites.");
	byId("how").append(...howRecorded(program));
	byId("foot").append(
		el("p", {}, `Written by tmemctl report; the program ran libtmem ${program.library}.`),
		el("p", {}, "The page needs nothing but itself. tmemctl report --json has the same figures."));
}

function howRecorded(program) {
	const lines = [];
	if (program.mode === "off")
		lines.push("Analytics was off at that time: what came later is not in these figures. ");
	if (program.interval_bytes)
		lines.push(`Figures of call sites are estimates, from a sample in every ${bytes(program.interval_bytes)} allocated. `);
	if (program.records_dropped)
		lines.push(`${count(program.records_dropped)} records were dropped for others. `);
	if (report.no_symbols.length)
		lines.push(`${count(report.no_symbols.length)} files could not be used for names. `);
	return lines;
}

function keyOf(title, big, ...sub) {
	return el("div", {}, [el("dt", {}, title), el("dd", { class: "big" }, big),
		el("dd", { class: "sub" }, sub)]);
}

function drawKeys() {
	const memory = report.memory;
	const low = report.pressure.levels[0];
	byId("keys").append(
		keyOf("live now", figure("memory.live_bytes", bytes),
			"in ", figure("memory.live_blocks", count), " blocks"),
		keyOf("at the peak", figure("memory.peak_live_bytes", bytes), "live at once"),
		keyOf("held now", figure("memory.held_bytes", bytes),
			figure("memory.idle_bytes", bytes), " of it idle"),
		keyOf("free between blocks", figure("memory.external", percent),
			"of what is held; ", figure("memory.waste_between_bytes", bytes)),
		keyOf("lost inside blocks", figure("memory.internal", percent),
			"of what is live; ", figure("memory.waste_inside_bytes", bytes)),
		keyOf("memory was short", report.timeline.us.length ?
			percent(report.pressure.all_ms ? 1 - low.share : 0) : "not recorded",
			"of the time; ", figure("memory.failures", count), " requests refused"));
}
