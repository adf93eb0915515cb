// node --test: QR codes, read by a decoder that knows nothing of ours.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { qr, qrPath } from "../../services/gateway/web/page/qr.js";

const jsqr = createRequire(`${process.env.OPENRUN_E2E_PACKAGES}/`)("jsqr");
const QUIET = 4;
const SCALE = 3;

function picture({ size, dark }) {
  const width = (size + 2 * QUIET) * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let y = 0; y < width; ++y) {
    for (let x = 0; x < width; ++x) {
      const [column, row] = [Math.floor(x / SCALE) - QUIET, Math.floor(y / SCALE) - QUIET];
      const isInside = column >= 0 && row >= 0 && column < size && row < size;
      if (isInside && dark(column, row)) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return [pixels, width, width];
}

test("every length from 1 to 213 bytes is read as it was written, in the smallest version", () => {
  const room = [0, 14, 26, 42, 62, 84, 106, 122, 152, 180, 213];
  for (let length = 1; length <= 213; ++length) {
    const text = Array.from({ length }, (_, i) => "ABCdef019-%\n"[(i * 7 + length) % 12]).join("");
    const symbol = qr(text);
    assert.equal(symbol.version, room.findIndex((bytes) => bytes >= length), `version for ${length} bytes`);
    assert.equal(jsqr(...picture(symbol))?.data, text, `${length} bytes`);
  }
});

test("codes of both alphabets, and other text in UTF-8", () => {
  for (const text of ["모말남초드타튜밤마타", "7ZQ4-9K2M-X1C8-V", "a", "가", "é", "쿠폰 🎟 1", "0".repeat(200)]) assert.equal(jsqr(...picture(qr(text)))?.data, text);
});

test("a code that is dirty in places is still read", () => {
  const symbol = qr("7ZQ49K2MX1C8V");
  const dirty = { size: symbol.size, dark: (x, y) => (x > 9 && x < 13 && y > 9 && y < 12 ? !symbol.dark(x, y) : symbol.dark(x, y)) };
  assert.equal(jsqr(...picture(dirty))?.data, "7ZQ49K2MX1C8V");
});

test("what does not fit is refused", () => {
  assert.throws(() => qr("x".repeat(214)), RangeError);
});

test("the path holds each dark module once", () => {
  const symbol = qr("path");
  let area = 0;
  for (const [, width] of qrPath(symbol, 0).matchAll(/h(\d+)v1/g)) area += Number(width);
  let dark = 0;
  for (let y = 0; y < symbol.size; ++y) for (let x = 0; x < symbol.size; ++x) dark += symbol.dark(x, y) ? 1 : 0;
  assert.equal(area, dark);
});
