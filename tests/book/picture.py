"""Write the README's picture, book/_static/scoreboard.png, from the built book: python tests/book/picture.py"""

import functools
import http.server
import io
import shutil
import tempfile
import threading
import time

from built_book import FLAGS, ROOT, SITE, Quiet
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, "--hide-scrollbars", f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    )
    driver.get(f"http://127.0.0.1:{server.server_port}/book/scoreboard.html")
    time.sleep(1)
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB").quantize(64)
    picture.save(ROOT / "book" / "_static" / "scoreboard.png", optimize=True)
    driver.quit()
    server.shutdown()
