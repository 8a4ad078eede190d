"""The page of a report in headless Chromium: no console error, and what a reader does with it.

usage: test_page.py DAVIT [--keep DIR] (run by Debian's Python, with python3-selenium)

--keep DIR leaves the pages and screenshots there.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import recorded

DAVIT = FOLDER = None
HOSTILE = ["</script><script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">",
           "javascript:alert(1)", "\"'&lt;b&gt;", "@{data}", "${7*7}", "__proto__"]
MANY = 5000
MOST_SECONDS = 10 # for a page of MANY units, on a busy machine


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1280,900"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        names = [f"block{i // 8}/conv{i % 8}" for i in range(120)]
        report = recorded.report(names, clocks=("measured", "modelled"))
        for unit in report["units"][2::3]:
            unit["measured"] = None # what a device on a modelled clock has
        cls.plain = cls.write("plain", report)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()

    @classmethod
    def write(cls, name, report):
        source, page = (os.path.join(FOLDER, f"{name}.{end}") for end in ("json", "html"))
        with open(source, "w", encoding="utf-8") as file:
            json.dump(report, file)
        subprocess.run([DAVIT, "report", source, "-o", page], check=True)
        return page

    def setUp(self):
        self.browser.get_log("browser")
        self.media("light")

    def tearDown(self):
        told = [line["message"] for line in self.browser.get_log("browser")]
        # Of what this test does to canvases, not of the page.
        self.assertEqual([line for line in told if "willReadFrequently" not in line], [])

    def media(self, scheme, medium=""):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": medium, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, page):
        self.browser.get("file://" + page)
        self.assertEqual(self.script("return document.documentElement.dataset.ready"), "true")
        # Canvases are painted in the next frame.
        self.browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def script(self, *arguments):
        return self.browser.execute_script(*arguments)

    def shot(self, name):
        self.browser.save_screenshot(os.path.join(FOLDER, name + ".png"))

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def column(self, key):
        """The texts of a column, of the rows that are there."""
        place = self.script("return [...document.querySelectorAll('.grid .head > div')]"
                         ".findIndex(one => one.dataset.key === arguments[0])", key)
        return self.script("return [...document.querySelectorAll('.grid .row')]"
                        ".map(row => row.children[arguments[0]].textContent)", place)

    def painted(self, index):
        """How many colours a canvas has."""
        return self.script(
            "const canvas = document.querySelectorAll('canvas')[arguments[0]];"
            "const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
            "const found = new Set();"
            "for (let i = 0; i < data.length; i += 4) found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);"
            "return found.size", index)

    def test_everything_is_there(self):
        self.open(self.plain)
        self.shot("plain-light")
        for section in ("summary", "devices", "timeline", "graph", "charts", "units"):
            self.assertGreater(self.find(f"#{section}").size["height"], 30, section)
        self.assertEqual(self.find("#count").text, "120 units")
        self.assertIn("device lost gpu", self.find("#events").text)
        self.assertIn("modelled", self.find("#device-table").text)
        self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, "#device-table tbody tr")), 2)
        for index in range(len(self.browser.find_elements(By.TAG_NAME, "canvas"))):
            self.assertGreater(self.painted(index), 3, f"canvas {index} is empty")
        self.assertEqual(self.script("return document.documentElement.scrollWidth"),
                         self.script("return document.documentElement.clientWidth"))

    def test_sorting(self):
        self.open(self.plain)
        button = self.find(".head [data-key=predicted] button")
        button.click()
        found = [float(text) for text in self.column("predicted")]
        self.assertEqual(found, sorted(found, reverse=True))
        self.assertEqual(found[0], 0.1)
        button.send_keys(Keys.ENTER)
        found = [float(text) for text in self.column("predicted")]
        self.assertEqual((found, found[0]), (sorted(found), 0.01))
        self.assertEqual(self.find(".head [data-key=predicted]").get_attribute("aria-sort"), "ascending")
        self.find(".head [data-key=name] button").click()
        self.assertEqual(self.column("name")[:3], ["block0/conv0", "block0/conv1", "block0/conv2"])
        self.assertEqual(self.column("name")[16], "block2/conv0")

    def test_searching(self):
        self.open(self.plain)
        self.find("body").send_keys("/")
        self.browser.switch_to.active_element.send_keys("conv3 GPU")
        self.assertEqual(self.find("#count").text, "5 of 120 units")
        self.assertTrue(all(name.endswith("conv3") for name in self.column("name")))
        self.assertEqual(set(self.column("device")), {"gpu"})
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        self.assertIn("conv3", self.find("#detail h3").text)
        search = self.find("#search")
        search.clear()
        search.send_keys("nothing")
        self.assertEqual((self.column("name"), self.find("#count").text), ([], "0 of 120 units"))

    def test_keyboard(self):
        self.open(self.plain)
        self.find(".grid").send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, "j")
        self.assertEqual(self.find("#detail h3").text, "block0/conv2")
        self.assertIn("an emulated device has no time", self.find("#detail").text)
        self.browser.switch_to.active_element.send_keys(Keys.END)
        self.assertEqual(self.find("#detail h3").text, "block14/conv7")
        self.assertEqual(self.column("name")[-1], "block14/conv7")
        self.find("body").send_keys(Keys.ESCAPE)
        self.assertFalse(self.find("#detail").is_displayed())

    def test_timeline(self):
        self.open(self.plain)
        canvas = self.find("#timeline-view canvas")
        self.script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        x, y = self.script(
            "const y = makeLanes().groups[0].lanes[0].y + 10; let x = 400;"
            "while (!surfaces[0].hit(x, y, surfaces[0])) x += 3;"
            "return [x, y]")
        ActionChains(self.browser).move_to_element_with_offset(
            canvas, x - canvas.size["width"] // 2, y - canvas.size["height"] // 2).click().perform()
        chosen = self.find("#detail h3").text
        self.assertIn("block", chosen)
        self.assertIn(chosen, self.find("#tip").text)
        before = self.script("return surfaces[0].k")
        canvas.send_keys("+", "+")
        self.assertGreater(self.script("return surfaces[0].k"), before)
        canvas.send_keys(Keys.ARROW_RIGHT)
        self.assertLess(self.script("return surfaces[0].x"), 0)
        canvas.send_keys("0")
        self.assertEqual(self.script("return [surfaces[0].k, surfaces[0].x]"), [1, 0])

    def test_dark(self):
        back = "return getComputedStyle(document.body).backgroundColor"
        pixel = ("const d = document.querySelectorAll('canvas')[1].getContext('2d').getImageData(1, 1, 1, 1).data;"
                 "return [...d].slice(0, 3).reduce((a, b) => a + b)")
        self.open(self.plain)
        light = self.script(back), self.script(pixel)
        self.media("dark")
        time.sleep(0.2)
        self.shot("plain-dark")
        self.assertEqual(light, ("rgb(255, 255, 255)", 765))
        self.assertEqual(self.script(back), "rgb(21, 24, 28)")
        self.assertLess(self.script(pixel), 150)

    def test_print(self):
        self.open(self.plain)
        self.media("dark")
        pdf = base64.b64decode(self.browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.script("window.dispatchEvent(new Event('beforeprint'))")
        self.media("dark", "print")
        self.assertEqual(len(self.column("name")), 120)
        self.assertEqual(self.script("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertFalse(self.find("nav").is_displayed())
        rows = self.script("return [...document.querySelectorAll('.grid .row')].map(one => one.getBoundingClientRect().top)")
        self.assertEqual(rows, sorted(set(rows)))
        self.shot("plain-print")
        self.script("window.dispatchEvent(new Event('afterprint'))")
        self.assertLess(len(self.column("name")), 60)

    def test_small_window(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": 800, "height": 900, "deviceScaleFactor": 2, "mobile": False})
        self.open(self.plain)
        self.shot("plain-800")
        self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), 800)
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_hostile_names(self):
        report = recorded.report(HOSTILE, devices=HOSTILE[:2])
        report["model"]["name"] = report["model"]["path"] = HOSTILE[0]
        report["events"][0]["text"] = HOSTILE[1]
        report["copies"][0]["value"] = HOSTILE[1]
        self.open(self.write("hostile", report))
        self.assertNotEqual(self.browser.title, "owned")
        self.assertEqual(self.browser.title, HOSTILE[0] + " – Davit report")
        self.assertEqual(self.column("name"), HOSTILE)
        self.assertEqual(self.script("return document.querySelectorAll('img, body script:not([type])').length"), 1)
        for index in range(len(HOSTILE)):
            self.script("selection.set(arguments[0])", index)
            self.assertEqual(self.find("#detail h3").text, HOSTILE[index])

    def test_many_units(self):
        names = [f"stage{i // 100}/block{i // 10 % 10}/operator{i % 10}" for i in range(MANY)]
        report = recorded.report(names)
        for index in range(4, MANY, 5):
            report["units"][index]["reads"].append(index - 3)
        page = self.write("many", report)
        begin = time.monotonic()
        self.open(page)
        self.find(".grid").send_keys(Keys.END)
        self.assertEqual(self.find("#detail h3").text, names[-1])
        self.assertLess(time.monotonic() - begin, MOST_SECONDS)
        self.assertLess(len(self.column("name")), 60)
        slowest = self.script(
            "let worst = 0;"
            "const timed = what => { const t = performance.now(); what(); worst = Math.max(worst, performance.now() - t); };"
            "for (const one of surfaces) timed(() => one.paint());"
            "document.getElementById('search').value = 'block7';"
            "timed(() => document.getElementById('search').dispatchEvent(new Event('input')));"
            "timed(() => document.querySelector('.head [data-key=predicted] button').click());"
            "return worst")
        self.assertLess(slowest, 1000)
        self.assertEqual(self.find("#count").text, "500 of 5000 units")
        self.shot("many")


if __name__ == "__main__":
    DAVIT = os.path.abspath(sys.argv[1])
    if sys.argv[2:3] == ["--keep"]:
        FOLDER = os.path.abspath(sys.argv[3])
        os.makedirs(FOLDER, exist_ok=True)
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
    with tempfile.TemporaryDirectory() as FOLDER:
        unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
