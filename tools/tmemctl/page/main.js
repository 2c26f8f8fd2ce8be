// SPDX-License-Identifier: GPL-2.0-only
/*
 * Draws the page, part by part, and again where the width changes.
 */
for (const part of [drawHead, drawGauge, drawKeys, drawAdvice, drawTerms, drawTime, drawSpans, drawSites,
	drawLeaks, drawLives, drawTiers, drawReaction])
	part();
new ResizeObserver(() => drawn.forEach(redraw)).observe(document.body);
document.documentElement.dataset.drawn = "yes";
