// The page: image files, samples and the camera, each with a card of its own.

import { get, loadClassifier, readPixels } from "./classifier.js";
import { frame } from "./framing.js";

const TOP = 5;
const CAMERA_ERRORS = {
  NotAllowedError: "The camera is not allowed: allow it for this page in the browser's settings.",
  NotFoundError: "There is no camera: connect one, or choose images.",
  NotReadableError: "The camera is in use by another program: close that one.",
};

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });
const megabytes = new Intl.NumberFormat("en", {
  style: "unit",
  unit: "megabyte",
  maximumFractionDigits: 1,
});
const element = (id) => document.getElementById(id);
const copy = (id) => element(id).content.firstElementChild.cloneNode(true);

let classifier;
let track; // the camera's, once it has been started

function say(text, isError = false) {
  element("status").textContent = text;
  element("status").classList.toggle("error", isError);
}

/** Does what the user asks for; if that fails, says why. */
const attempt = (action) => action().catch((error) => say(error.message, true));

/** Adds a card after another one, or above all. */
function addCard(name, picture, previous) {
  const card = copy("card");
  card.querySelector("h2").textContent = name;
  card.querySelector(".picture").prepend(picture);
  if (previous) previous.after(card);
  else element("results").prepend(card);
  return card;
}

/** Shows in a card what the model sees in a picture of a size; returns the milliseconds. */
async function classify(card, picture, size) {
  const pixels = readPixels(picture, frame(size, classifier.framing), classifier);
  const start = performance.now();
  const ranking = await classifier.classify(pixels);
  const milliseconds = performance.now() - start;
  card.querySelector(".milliseconds").textContent = `${milliseconds.toFixed(1)} ms`;
  card.querySelector(".bars").replaceChildren(...ranking.slice(0, TOP).map(makeBar));
  const canvas = card.querySelector("canvas");
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return milliseconds;
}

function makeBar({ label, probability }) {
  const bar = copy("bar");
  bar.style.setProperty("--probability", probability);
  bar.querySelector("span").textContent = label;
  bar.querySelector("data").value = probability;
  bar.querySelector("data").textContent = percent.format(probability);
  return bar;
}

async function classifyFile(file, previous) {
  // Colour profiles are left out, as in training.
  const picture = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => {
    throw new Error(`“${file.name}” is not an image that this browser can read.`);
  });
  const image = Object.assign(new Image(), { alt: "", src: URL.createObjectURL(file) });
  image.onload = () => URL.revokeObjectURL(image.src);
  const card = addCard(file.name, image, previous);
  const milliseconds = await classify(card, picture, picture);
  picture.close();
  return { card, milliseconds };
}

/** Classifies files, the cards above older ones, and says which files are no images. */
async function classifyFiles(files) {
  if (!classifier || !files.length) return;
  const times = [];
  const failures = [];
  let previous;
  for (const file of files) {
    try {
      const { card, milliseconds } = await classifyFile(file, previous);
      previous = card;
      times.push(milliseconds);
    } catch (error) {
      failures.push(error.message);
    }
  }
  if (failures.length) throw new Error(failures.join(" "));
  const mean = times.reduce((a, b) => a + b, 0) / times.length;
  const images = times.length === 1 ? "1 image" : `${times.length} images`;
  say(`${images} classified, ${mean.toFixed(1)} ms each.`);
}

async function openCamera() {
  if (!navigator.mediaDevices) throw new Error("The camera needs a page from localhost or HTTPS.");
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: { facingMode: "environment" } })
    .catch(({ name, message }) => {
      throw new Error(CAMERA_ERRORS[name] ?? `The camera does not start: ${message}.`);
    });
  [track] = stream.getVideoTracks();
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, srcObject: stream });
  await video.play();
  return video;
}

/** Classifies what the camera sees until it ends. */
async function watch(video) {
  const card = addCard("Camera", video);
  card.classList.add("live");
  await video.play(); // again: Chromium 150 pauses a video that enters the page
  element("camera").textContent = "Stop camera";
  say("The camera is on.");
  while (track.readyState === "live") {
    await classify(card, video, { width: video.videoWidth, height: video.videoHeight });
    await new Promise(requestAnimationFrame);
  }
  card.remove();
  element("camera").textContent = "Start camera";
  say("The camera is off.");
}

async function toggleCamera() {
  if (track?.readyState === "live") return track.stop();
  element("camera").disabled = true;
  const video = await openCamera().finally(() => (element("camera").disabled = false));
  await watch(video);
}

function addSample(name) {
  const sample = copy("sample");
  const path = `samples/${encodeURIComponent(name)}`;
  Object.assign(sample.querySelector("img"), { alt: name, src: path });
  sample.querySelector("button").onclick = () =>
    attempt(async () => {
      const reply = await get(path);
      await classifyFiles([new File([await reply.blob()], name)]);
    });
  element("samples").append(sample);
}

function listen() {
  element("camera").onclick = () => attempt(toggleCamera);
  element("files").onchange = ({ target }) => {
    attempt(() => classifyFiles([...target.files])).then(() => (target.value = ""));
  };
  const page = document.documentElement;
  page.ondragover = (event) => {
    event.preventDefault();
    page.classList.add("dragging");
  };
  page.ondragleave = ({ relatedTarget }) => relatedTarget ?? page.classList.remove("dragging");
  page.ondrop = (event) => {
    event.preventDefault();
    page.classList.remove("dragging");
    attempt(() => classifyFiles([...event.dataTransfer.files]));
  };
}

async function start() {
  listen();
  const { name, samples } = await (await get("contents.json")).json();
  document.title = element("name").textContent = name;
  classifier = await loadClassifier();
  const { labels, framing, size } = classifier;
  element("about").textContent =
    `${labels.length} classes · ${framing.width} × ${framing.height} pixels · ${megabytes.format(size / 1e6)}`;
  samples.forEach(addSample);
  element("controls").disabled = false;
  say("Ready.");
}

attempt(start);
