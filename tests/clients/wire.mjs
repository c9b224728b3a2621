// A client of the protocol that shares nothing with the project's own code: written from docs/protocol.md alone,
// MessagePack included. Only what that page says is relied upon.
import { connect } from "node:net";

// ── MessagePack ────────────────────────────────────────────────────────────────────────────────────────────────

/** The bytes of `value`: null, booleans, numbers, strings, arrays, plain objects. */
export function pack(value) {
  const parts = [];
  put(value, parts);
  return Buffer.concat(parts);
}

function put(value, parts) {
  if (value === null || value === undefined) parts.push(Buffer.of(0xc0));
  else if (value === false) parts.push(Buffer.of(0xc2));
  else if (value === true) parts.push(Buffer.of(0xc3));
  else if (typeof value === "number") parts.push(Number.isInteger(value) ? packInteger(value) : packFloat(value));
  else if (typeof value === "string") putString(value, parts);
  else if (Array.isArray(value)) {
    parts.push(header(value.length, 0x90, 0xdc));
    for (const item of value) put(item, parts);
  } else {
    const entries = Object.entries(value);
    parts.push(header(entries.length, 0x80, 0xde));
    for (const [key, item] of entries) {
      putString(key, parts);
      put(item, parts);
    }
  }
}

function packInteger(value) {
  if (value >= 0 && value < 0x80) return Buffer.of(value);
  if (value < 0 && value >= -0x20) return Buffer.of(0x100 + value);
  const bytes = Buffer.alloc(9);
  if (value >= 0 && value <= 0xffffffff) {
    bytes[0] = 0xce;
    bytes.writeUInt32BE(value, 1);
    return bytes.subarray(0, 5);
  }
  bytes[0] = 0xd3;
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

function packFloat(value) {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function putString(value, parts) {
  const text = Buffer.from(value, "utf8");
  if (text.length < 32) parts.push(Buffer.of(0xa0 | text.length));
  else {
    const head = Buffer.alloc(5);
    head[0] = 0xdb;
    head.writeUInt32BE(text.length, 1);
    parts.push(head);
  }
  parts.push(text);
}

function header(length, short, long16) {
  if (length < 16) return Buffer.of(short | length);
  const head = Buffer.alloc(5);
  head[0] = long16 + 1; // the 32-bit form
  head.writeUInt32BE(length, 1);
  return head;
}

/** The value that `bytes` hold; throws if they hold less or more than one. */
export function unpack(bytes) {
  const reader = { bytes, at: 0 };
  const value = take(reader);
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes too many`);
  return value;
}

function take(reader) {
  const first = reader.bytes[reader.at++];
  if (first < 0x80) return first;
  if (first < 0x90) return takeMap(reader, first & 0x0f);
  if (first < 0xa0) return takeArray(reader, first & 0x0f);
  if (first < 0xc0) return takeString(reader, first & 0x1f);
  if (first >= 0xe0) return first - 0x100;
  switch (first) {
    case 0xc0: return null;
    case 0xc2: return false;
    case 0xc3: return true;
    case 0xca: return advance(reader, 4).readFloatBE();
    case 0xcb: return advance(reader, 8).readDoubleBE();
    case 0xcc: return advance(reader, 1).readUInt8();
    case 0xcd: return advance(reader, 2).readUInt16BE();
    case 0xce: return advance(reader, 4).readUInt32BE();
    case 0xcf: return Number(advance(reader, 8).readBigUInt64BE());
    case 0xd0: return advance(reader, 1).readInt8();
    case 0xd1: return advance(reader, 2).readInt16BE();
    case 0xd2: return advance(reader, 4).readInt32BE();
    case 0xd3: return Number(advance(reader, 8).readBigInt64BE());
    case 0xd9: return takeString(reader, advance(reader, 1).readUInt8());
    case 0xda: return takeString(reader, advance(reader, 2).readUInt16BE());
    case 0xdb: return takeString(reader, advance(reader, 4).readUInt32BE());
    case 0xdc: return takeArray(reader, advance(reader, 2).readUInt16BE());
    case 0xdd: return takeArray(reader, advance(reader, 4).readUInt32BE());
    case 0xde: return takeMap(reader, advance(reader, 2).readUInt16BE());
    case 0xdf: return takeMap(reader, advance(reader, 4).readUInt32BE());
    default: throw new Error(`no value begins with 0x${first?.toString(16)}`);
  }
}

function advance(reader, count) {
  if (reader.at + count > reader.bytes.length) throw new Error("the value ends too early");
  reader.at += count;
  return reader.bytes.subarray(reader.at - count, reader.at);
}

const takeString = (reader, length) => advance(reader, length).toString("utf8");
const takeArray = (reader, length) => Array.from({ length }, () => take(reader));
const takeMap = (reader, length) =>
  Object.fromEntries(Array.from({ length }, () => [take(reader), take(reader)]));

// ── frames, requests, answers ──────────────────────────────────────────────────────────────────────────────────

export function frame(body) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** One connection; `call` may be used any number of times at once. */
export class Client {
  #socket;
  #last = 0;
  #waiting = new Map();
  #received = Buffer.alloc(0);

  constructor(path) {
    this.#socket = connect(path);
    this.#socket.on("data", (data) => this.#take(data));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the daemon closed the connection")));
  }

  /** The result of one request; an error of the daemon is thrown, with its code. */
  call(method, params = {}, onProgress = () => {}) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.#socket.write(frame(pack([0, id, method, params])));
    });
  }

  close() {
    this.#socket.end();
  }

  #take(data) {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 4) {
      const size = this.#received.readUInt32BE();
      if (this.#received.length < 4 + size) return;
      const message = unpack(this.#received.subarray(4, 4 + size));
      this.#received = this.#received.subarray(4 + size);
      if (message[0] === 1) this.#answer(message);
      else if (message[0] === 2 && message[1] === "progress") this.#waiting.get(message[2].request)?.onProgress(message[2]);
    }
  }

  #answer([, id, error, result]) {
    if (id === null) return this.#fail(Object.assign(new Error(error.message), error));
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) resolve(result);
    else reject(Object.assign(new Error(error.message), error));
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
