// Opens a page from the disk as people do and prints what they would see, as JSON.

import { createRequire } from "node:module";

const { packages, chromium, address, widths } = JSON.parse(process.argv[2]);
const browser = await createRequire(packages)("playwright-core").chromium.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
const seen = { requests: [], complaints: [], widths: {}, colors: {}, named: {} };

async function open(width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (line) => seen.complaints.push(line.text()));
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  await page.goto(address);
  return page;
}

/** The lowest contrast of a text and what is behind it, by WCAG 2.2, 1.4.3. */
const contrast = (page) =>
  page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (colors) => {
      canvas.clearRect(0, 0, 1, 1);
      for (const color of colors) {
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
      }
      const [r, g, b] = Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3), (value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = (node) =>
      node ? [...background(node.parentElement), getComputedStyle(node).backgroundColor] : [];
    const texts = [...document.querySelectorAll("body *")].filter((node) =>
      [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()),
    );
    const ratios = texts
      .filter((node) => !["SCRIPT", "STYLE"].includes(node.tagName))
      .map((node) => {
        const style = getComputedStyle(node);
        const ink = node instanceof SVGElement ? style.fill : style.color;
        const behind = background(node);
        const [low, high] = [luminance(behind), luminance([...behind, ink])].sort((a, b) => a - b);
        return { ratio: (high + 0.05) / (low + 0.05), text: node.textContent.trim().slice(0, 40) };
      });
    return ratios.reduce((worst, one) => (one.ratio < worst.ratio ? one : worst));
  });

for (const [name, scheme, media] of [
  ["light", "light", "screen"],
  ["dark", "dark", "screen"],
  ["print", "dark", "print"],
]) {
  const page = await open(widths[0], scheme);
  await page.emulateMedia({ media });
  seen.colors[name] = {
    paper: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    worst: await contrast(page),
  };
}
for (const width of widths) {
  const page = await open(width, "light");
  seen.widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
}
const page = await open(widths.at(-1), "light");
seen.title = await page.title();
seen.headings = await page.getByRole("heading").allTextContents();
for (const role of ["img", "region", "table", "button", "navigation", "figure"]) {
  const all = await page.getByRole(role).count();
  const named = await page.getByRole(role, { name: /\S/ }).count();
  seen.named[role] = [named, all];
}
seen.line = await page.locator(".command code").first().textContent();
await page.keyboard.press("Tab");
seen.first = await page.evaluate(() => document.activeElement.textContent);
await page.getByRole("button", { name: "Copy" }).first().click();
seen.said = await page.getByRole("status").first().textContent();
await page.evaluate(() => {
  const field = document.body.appendChild(document.createElement("textarea"));
  field.id = "paste";
  field.focus();
});
await page.keyboard.press("Control+V");
seen.pasted = await page.locator("#paste").inputValue();
await browser.close();
console.log(JSON.stringify(seen));
