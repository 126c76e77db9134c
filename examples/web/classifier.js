// An exported image classifier in the browser: pictures in, probabilities out.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const LARGEST_SIDE = 4096; // phones refuse larger canvases

const refuse = (reason) => () => {
  throw new Error(reason);
};
const unusable = refuse("LiteRT.js cannot run model.tflite: export it again, for one image each.");

/** Loads `model.tflite`, `labels.txt` and `framing.json`, all beside the page. */
export async function loadClassifier() {
  const files = ["model.tflite", "labels.txt", "framing.json"];
  const [file, names, seen] = await Promise.all(files.map(get));
  const bytes = new Uint8Array(await file.arrayBuffer());
  const labels = (await names.text()).trimEnd().split(/\r?\n/);
  const framing = await seen.json();
  self.Module = { print() {}, printErr() {} }; // LiteRT reports its start as errors
  await loadLiteRt("runtime/").catch(refuse("LiteRT.js does not start: use a current browser."));
  const model = await loadAndCompile(bytes, { accelerator: "wasm" }).catch(unusable);
  const [input] = model.getInputDetails();
  const [output] = model.getOutputDetails();
  const [, height, width, channels] = input.shape;
  const classes = output.shape.at(-1);
  if (classes !== labels.length) {
    throw new Error(`labels.txt has ${labels.length} names, but the model ${classes} classes.`);
  }

  if (framing.height !== height || framing.width !== width) {
    throw new Error("framing.json is of another model: build the page again.");
  }

  /** Returns `{ label, probability }` of every class, the most probable first. */
  async function classify({ data }) {
    const pixels = new Float32Array(height * width * channels);
    for (let i = 0; i < pixels.length; i++) {
      pixels[i] = data[4 * Math.trunc(i / channels) + (i % channels)];
    }
    const image = new Tensor(pixels, input.shape);
    const [scores] = await model.run(image);
    const values = await scores.data();
    image.delete();
    scores.delete();
    return Array.from(values, (value, i) => ({ label: labels[i], probability: value })).sort(
      (a, b) => b.probability - a.probability,
    );
  }

  await classify(new ImageData(width, height)).catch(unusable); // the first time takes longest
  return { labels, framing, grey: channels === 1, size: bytes.length, classify };
}

/** Fetches a file beside the page. */
export async function get(path) {
  const reply = await fetch(path).catch(() => ({ status: "the server does not answer" }));
  if (!reply.ok) {
    throw new Error(`${path} cannot be loaded (${reply.status}): build the page again.`);
  }
  return reply;
}

const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });

/**
 * Makes of a picture what a model takes: the very pixels that training makes of it.
 *
 * @param picture An ImageBitmap or a video.
 * @param frame `{ part, place }`, as `frame` gives it.
 * @param classifier Of which `framing` and `grey` are used.
 * @returns An ImageData.
 */
export function readPixels(picture, { part, place }, { framing, grey }) {
  const shrink = Math.min(1, LARGEST_SIDE / Math.max(part[2], part[3]));
  canvas.width = Math.max(1, Math.round(part[2] * shrink)); // clears it, to black
  canvas.height = Math.max(1, Math.round(part[3] * shrink));
  context.drawImage(picture, ...part, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  if (grey) toGrey(data);
  const [left, top, width, height] = place;
  const scaled = scaleRows(scaleRows(data, canvas.width, width), canvas.height, height);
  const image = new ImageData(framing.width, framing.height);
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255; // black, not transparent
  for (let y = 0; y < height; y++) {
    const row = scaled.subarray(4 * width * y, 4 * width * (y + 1));
    image.data.set(row, 4 * (framing.width * (top + y) + left));
  }
  return image;
}

// With the weights of Pillow's `convert("L")`.
function toGrey(data) {
  for (let i = 0; i < data.length; i += 4) {
    const light = (19595 * data[i] + 38470 * data[i + 1] + 7471 * data[i + 2] + 0x8000) >> 16;
    data.fill(light, i, i + 3);
  }
}

// Scales RGBA rows of `from` pixels to `to` as Pillow's BILINEAR does, in its fixed-point numbers,
// and transposes: after two calls both sides are scaled, and rows are rows again. (Of a
// picture over twice as high as wide, Pillow 13 scales the columns first: values may differ by 1.)
function scaleRows(data, from, to) {
  const rows = data.length / 4 / from;
  const scaled = new Uint8ClampedArray(4 * rows * to);
  for (let x = 0; x < to; x++) {
    const { first, weights } = triangle(x, from, to);
    for (let y = 0; y < rows; y++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 1 << 21;
        let source = 4 * (y * from + first) + channel;
        for (const weight of weights) {
          sum += weight * data[source];
          source += 4;
        }
        scaled[4 * (x * rows + y) + channel] = sum >> 22;
      }
    }
  }
  return scaled;
}

// Which pixels of a row become pixel `x` of the scaled one, with weights in units of 2^-22.
function triangle(x, from, to) {
  const reach = Math.max(1, from / to);
  const center = (x + 0.5) * (from / to);
  const first = Math.max(0, Math.trunc(center - reach + 0.5));
  const end = Math.min(from, Math.trunc(center + reach + 0.5));
  const heights = Array.from({ length: end - first }, (_, i) =>
    Math.max(0, 1 - Math.abs((i + first - center + 0.5) * (1 / reach))),
  );
  const total = heights.reduce((a, b) => a + b);
  return { first, weights: heights.map((height) => Math.round((height / total) * 2 ** 22)) };
}
