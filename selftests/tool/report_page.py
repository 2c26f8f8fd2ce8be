# SPDX-License-Identifier: GPL-2.0-only
"""Open a page in headless Chromium and say what is on it:

    report_page.py CHROMIUM PAGE.html FACTS.json [FOLDER]

FACTS gets what a test asks for: errors, requests, figures, widths.  With a
FOLDER, pictures in light and dark, wide and narrow.  The browser is spoken to
by its DevTools protocol, over a pair of pipes: no port is opened.
"""
import base64
import hashlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile

HANG_S = 600  # no browser that works is silent for as long

# What the page says of itself, once it is drawn.
ASK = """(() => {
    const all = (query) => [...document.querySelectorAll(query)];
    const root = document.documentElement;
    return {
        drawn: root.dataset.drawn === "yes",
        title: document.title,
        heading: document.querySelector("h1").textContent,
        figures: all("[data-path]").map((node) => [node.dataset.path,
            node.dataset.format, node.textContent]),
        cells: all(".cell").map((node) => node.dataset.fill).join(""),
        levels: all(".level").length,
        areas: all("#timeline svg path:not(.held)").length,
        lives: all(".life").length,
        sites: all("#site-list .name > bdi:first-child").map((n) => n.textContent),
        titles: all("#site-list summary").map((n) => n.title),
        advice: all(".advice li").map((node) => node.textContent),
        commands: all(".advice code").map((node) => node.textContent),
        leaks: all(".leak-card").length,
        text: document.body.innerText,
        scripts: document.scripts.length,
        elements: all("body *").length,
        unnamed: all("svg[role=img]").filter((n) => !n.querySelector("title")).length,
        attacked: "attacked" in window,
    };
})()"""

# Text that is hard to read: its ratio to what is behind it is below 4.5, or 3
# where it is large (WCAG 2.1, 1.4.3).
FAINT = """(() => {
    const rgb = (text) => (text.match(/^rgba?\\(([^)]*)\\)$/)?.[1] ?? "")
        .split(",").map(Number);
    const light = (part) => part <= 10.3 ? part / 3294.6 :
        ((part / 255 + 0.055) / 1.055) ** 2.4;
    const luma = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) +
        0.0722 * light(b);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const back = rgb(getComputedStyle(node).backgroundColor);
            if (back.length === 3 || back[3] === 1)
                return back;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
        if (![...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) ||
            !node.getClientRects().length || node.closest("title, script"))
            continue;
        const style = getComputedStyle(node), size = parseFloat(style.fontSize);
        const pair = [luma(rgb(node instanceof SVGElement ? style.fill : style.color)),
            luma(behind(node))].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
        const large = size >= 24 || (size >= 18.6 && style.fontWeight >= 600);
        if (!(ratio >= (large ? 3 : 4.5)))
            found.push(`${ratio.toFixed(2)} ${node.textContent.slice(0, 40)}`);
    }
    return found;
})()"""


class Browser:
    """Chromium, from the start to close(); one page in it."""

    def __init__(self, program, home):
        self.events, self.buffer, self.number = [], b"", 0
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()
        flags = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu",
                 "--hide-scrollbars", "--no-first-run", "--disable-sync",
                 "--disable-component-update", "--disable-background-networking",
                 f"--user-data-dir={home}", "--disable-dev-shm-usage"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        with open(os.path.join(home, "log"), "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{to_child} 4>&{from_child}',
                 "bash", program, *flags, "about:blank"],
                pass_fds=(to_child, from_child), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "HOME": home, "LANG": "C.UTF-8", "TZ": "UTC"})
        os.close(to_child)
        os.close(from_child)
        self.session = None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def receive(self):
        """The next message."""
        while b"\0" not in self.buffer:
            if not select.select([self.inp], [], [], HANG_S)[0]:
                sys.exit("the browser says nothing")
            data = os.read(self.inp, 1 << 20)
            if not data:
                sys.exit("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression[:60]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def settle(self, condition):
        """Until that is true, and two frames are drawn since."""
        self.ask("new Promise((done) => { const look = () => "
                 f"requestAnimationFrame(({condition}) ? "
                 "() => requestAnimationFrame(done) : look); look(); })")

    def open(self, page):
        url = pathlib.Path(page).resolve().as_uri()
        self.call("Page.navigate", url=url)
        while not self.is_loaded(url):
            self.events.append(self.receive())
        self.settle("document.readyState === 'complete'")

    def is_loaded(self, url):
        methods = []
        for event in self.events:
            if event.get("method") == "Page.frameNavigated" and \
                    event["params"]["frame"]["url"] == url:
                methods = [url]
            elif methods:
                methods.append(event.get("method"))
        return "Page.loadEventFired" in methods

    def look(self, width, scheme="light", height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media="screen", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.settle(f"innerWidth === {width} && "
                    f"matchMedia('(prefers-color-scheme: {scheme})').matches")

    def picture(self, whole=False, clip=None):
        options = {"captureBeyondViewport": True} if whole or clip else {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"],
                    "height": size["height"]}
        if clip:
            options["clip"] = {**clip, "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot",
                                          format="png", **options)["data"])

    def errors(self):
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(str(params["args"]))
            elif event.get("method") == "Log.entryAdded":
                found.append(params["entry"]["text"])
        return found

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(HANG_S)


def is_wide(browser):
    """Something reaches beyond the right edge."""
    return browser.ask("document.documentElement.scrollWidth > innerWidth")


def gather(browser, page, whole):
    facts = {}
    browser.look(1400)
    browser.open(page)
    facts.update(browser.ask(ASK))
    shots = {}
    for width in (1400, 400):
        for scheme in ("light", "dark"):
            browser.look(width, scheme)
            shots[f"{scheme}-{width}"] = browser.picture(whole)
            facts[f"faint_{scheme}_{width}"] = browser.ask(FAINT)
        facts[f"too_wide_{width}"] = is_wide(browser)
    browser.look(1400)
    facts["again"] = browser.ask(ASK)
    browser.ask("document.querySelector('#timeline [tabindex]')?.focus()")
    for key in ("Home", "ArrowRight"):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key)
    facts["moment"] = browser.ask(
        "document.querySelector('#timeline .now')?.textContent")
    browser.ask("document.querySelectorAll('.switch button')[1].click()")
    facts["by_bytes"] = browser.ask(ASK)["titles"]
    facts["errors"] = browser.errors()
    facts["requests"] = browser.requests()
    facts["shots"] = {name: hashlib.sha256(shot).hexdigest()
                      for name, shot in shots.items()}
    return facts, shots


def main():
    program, page, out = sys.argv[1:4]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(program, home)
        try:
            facts, shots = gather(browser, page, len(sys.argv) > 4)
            browser.close()
        finally:
            if browser.process.poll() is None:
                os.killpg(browser.process.pid, signal.SIGKILL)
    with open(out, "w", encoding="utf-8") as f:
        json.dump(facts, f)
    for name, shot in shots.items() if len(sys.argv) > 4 else ():
        pathlib.Path(sys.argv[4], name + ".png").write_bytes(shot)


main()
