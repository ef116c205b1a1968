// Plain values and binary columns in one block of bytes: the length of the text, the text (JSON), then the columns,
// each at a multiple of eight bytes. A column stands in the text as {"$": [type, offset, length]}.
const TYPES = {
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
  float64: Float64Array,
};

export function unpack(block) {
  const whole = ArrayBuffer.isView(block)
    ? new Uint8Array(block.buffer, block.byteOffset, block.byteLength)
    : new Uint8Array(block);
  const bytes = whole.byteOffset % 8 ? whole.slice() : whole;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const start = bytes.byteOffset + 8 * Math.ceil((4 + size) / 8);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)), (_, value) => {
    if (!value || !Array.isArray(value.$)) return value;
    const [type, offset, length] = value.$;
    return new TYPES[type](bytes.buffer, start + offset, length);
  });
}

export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k += 1) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

export function toBase64(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let letters = "";
  for (let k = 0; k < bytes.length; k += 8192) letters += String.fromCharCode(...bytes.subarray(k, k + 8192));
  return btoa(letters);
}

// A selection as bits, one for each image, the first image in the lowest bit.
export function toBits(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  for (let k = 0; k < mask.length; k += 1) if (mask[k]) bits[k >> 3] |= 1 << (k & 7);
  return bits;
}

export function fromBits(bits, length) {
  const mask = new Uint8Array(length);
  if (!bits) return mask;
  const bytes = typeof bits === "string" ? fromBase64(bits) : new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
  for (let k = 0; k < length; k += 1) mask[k] = (bytes[k >> 3] >> (k & 7)) & 1;
  return mask;
}
