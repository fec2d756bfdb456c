"""Write the README's picture, book/_static/scoreboard.png, from the built book: python tests/book/picture.py"""

import io

from built_book import ROOT, chromium, screen, served
from PIL import Image

if __name__ == "__main__":
    with served() as address, chromium() as driver:
        screen(driver, 1280, 1000)
        driver.get(f"{address}/book/scoreboard.html?part=causes&role=paper")
        picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB").quantize(128)
        picture.save(ROOT / "book" / "_static" / "scoreboard.png", optimize=True)
