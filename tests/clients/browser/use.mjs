// Uses the page as people do and prints what they would see, as JSON.

import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const settings = JSON.parse(process.argv[2]);
const { packages, chromium, url, folder, pictures, sample, odd, sizes } = settings;
const browser = await createRequire(packages)("playwright-core").chromium.launch({
  executablePath: chromium,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});
const seen = { requests: [], complaints: [] };

async function open(options) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => seen.requests.push(request.url()));
  await page.goto(url);
  return page;
}

const says = (page, text) => page.locator("#status", { hasText: text }).textContent();
const card = (page, name) => page.locator(".card", { hasText: name });

/** The scores and milliseconds of a card, once it has them. */
async function read(page, name) {
  await card(page, name).locator(".bars li").first().waitFor();
  return card(page, name).evaluate((node) => ({
    milliseconds: node.querySelector(".milliseconds").textContent,
    scores: [...node.querySelectorAll(".bars li")].map((bar) => [
      bar.querySelector("span").textContent,
      Number(bar.querySelector("data").value),
      bar.querySelector("data").textContent,
    ]),
  }));
}

/** Chooses files by a click; what their cards show, by name. */
async function choose(page, files) {
  await says(page, "Ready.");
  await page.locator("#files").setInputFiles(files);
  await says(page, "classified");
  const names = await page.locator("h2").allTextContents();
  const cards = await Promise.all(names.map((name) => read(page, name)));
  return Object.fromEntries(names.map((name, i) => [name, cards[i]]));
}

async function chooseByKeyboard(page, chooser) {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(pictures);
  seen.status = await says(page, "classified");
  seen.names = await page.locator("h2").allTextContents();
  seen.cards = {};
  for (const name of seen.names) seen.cards[name] = await read(page, name);
}

async function clickSample(page) {
  await page.getByRole("button", { name: sample }).click();
  seen.sample = await read(page, sample);
}

async function drop(page, file) {
  const dataTransfer = await page.evaluateHandle(async ({ from, name }) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([await (await fetch(from)).blob()], name));
    return transfer;
  }, file);
  await page.dispatchEvent("main", "drop", { dataTransfer });
}

async function useCamera(page) {
  await page.getByRole("button", { name: "Start camera" }).click();
  seen.camera = await read(page, "Camera");
  const frame = () => page.locator(".live canvas").evaluate((canvas) => canvas.toDataURL());
  const first = await frame();
  seen.cameraMoves = await page
    .waitForFunction((old) => document.querySelector(".live canvas").toDataURL() !== old, first)
    .then(() => true);
  await page.getByRole("button", { name: "Stop camera" }).click();
  await says(page, "The camera is off.");
  seen.cameraStays = await card(page, "Camera").count();
}

async function usePhone(page) {
  await page.setViewportSize({ width: 390, height: 844 });
  seen.phoneWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.context().clearPermissions();
  await page.getByRole("button", { name: "Start camera" }).click();
  seen.noCamera = await says(page, "not allowed");
}

const readSizes = (page) =>
  page.evaluate(
    async ({ path, sizes }) => {
      const { readPixels } = await import("./classifier.js");
      const { frame } = await import("./framing.js");
      const picture = await createImageBitmap(await (await fetch(path)).blob());
      const pixels = (size) => readPixels(picture, frame(picture, size.framing), size).data;
      return sizes.map((size) => Array.from(pixels(size)));
    },
    { path: `samples/${sample}`, sizes },
  );

const page = await open({ permissions: ["camera"] });
page.on("console", (line) => line.type() === "error" && seen.complaints.push(line.text()));
page.on("pageerror", (error) => seen.complaints.push(String(error)));
const chooser = page.waitForEvent("filechooser"); // early: it takes a moment until it listens
await says(page, "Ready.");
seen.title = await page.title();
seen.about = await page.textContent("#about");
await chooseByKeyboard(page, chooser);
await clickSample(page);
await drop(page, { from: `samples/${sample}`, name: "dropped.png" });
seen.dropped = await read(page, "dropped.png");
await drop(page, { from: "labels.txt", name: "notes.txt" });
seen.noImage = await says(page, "notes.txt");
await useCamera(page);
await usePhone(page);
seen.pixels = await readSizes(page);

const framing = JSON.parse(readFileSync(`${folder}/framing.json`));
writeFileSync(`${folder}/framing.json`, JSON.stringify({ ...framing, resize: "pad" }));
seen.padded = await choose(await open(), odd);
writeFileSync(`${folder}/model.tflite`, "not a model");
seen.badModel = await says(await open(), "model.tflite");
unlinkSync(`${folder}/model.tflite`);
seen.noModel = await says(await open(), "model.tflite");
await browser.close();
console.log(JSON.stringify(seen));
