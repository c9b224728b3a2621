// node unpack.mjs: reads a JSON array of MessagePack values in hex on stdin and prints them as a JSON array.
import { readFileSync } from "node:fs";
import { unpack } from "./wire.mjs";

const values = JSON.parse(readFileSync(0, "utf8")).map((hex) => unpack(Buffer.from(hex, "hex")));
process.stdout.write(JSON.stringify(values));
