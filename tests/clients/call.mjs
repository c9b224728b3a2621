// node call.mjs SOCKET: reads [method, params] pairs as a JSON array on stdin, sends all at once on one connection,
// and prints [{result} or {error}, ...] with each run's stream items beside its result.
import { readFileSync } from "node:fs";
import { Client } from "./wire.mjs";

const client = new Client(process.argv[2]);
const calls = JSON.parse(readFileSync(0, "utf8"));
const outcomes = await Promise.all(
  calls.map(async ([method, params]) => {
    const progress = [];
    try {
      return { result: await client.call(method, params, (item) => progress.push(item)), progress };
    } catch (error) {
      return { error: { code: error.code, message: error.message, hint: error.hint, data: error.data } };
    }
  }),
);
client.close();
process.stdout.write(JSON.stringify(outcomes));
