// How a picture of any size becomes what a model takes: as `keras_resnet/utils/framing.py` does it.

// Rounds as Python does: halves to the even number.
function round(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low + (low % 2);
}

const atLeastOne = (value) => Math.max(1, round(value));

/**
 * Decides what is seen of a picture.
 *
 * @param picture `{ width, height }`.
 * @param framing `framing.json` of a run: `{ width, height, resize, crop_ratio }`.
 * @returns `part` of the picture and its `place` in what the model takes, where the rest is black;
 *   each is `[left, top, width, height]` in pixels.
 */
export function frame(picture, { width, height, resize, crop_ratio }) {
  const whole = [0, 0, picture.width, picture.height];
  const [across, down] = [picture.width / width, picture.height / height];
  if (resize === "pad") {
    const scale = Math.max(across, down);
    const size = [atLeastOne(picture.width / scale), atLeastOne(picture.height / scale)];
    return { part: whole, place: [(width - size[0]) >> 1, (height - size[1]) >> 1, ...size] };
  }
  if (resize === "stretch") return { part: whole, place: [0, 0, width, height] };
  const scale = Math.min(across, down) * crop_ratio;
  const size = [atLeastOne(width * scale), atLeastOne(height * scale)];
  const corner = [(picture.width - size[0]) >> 1, (picture.height - size[1]) >> 1];
  return { part: [...corner, ...size], place: [0, 0, width, height] };
}
