#!/usr/bin/env node
// Send a message from Node: node send.mjs FROM TO MESSAGE [TYPE]. A daemon must run, or systemd listen.
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [source, target, message, type = "command"] = process.argv.slice(2);
const folder = process.env.TS_IPC_DIR || join(homedir(), ".config/ts/ipc");
const socket = connect(join(folder, "ipc.sock"));

socket.on("error", (error) => {
  console.error(`no daemon: ${error.message} (start it: ts-ipc daemon start)`);
  process.exit(1);
});
socket.write(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "send", params: { source, target, message, type } }) + "\n");

for await (const line of createInterface({ input: socket })) {
  const { id, result, error } = JSON.parse(line);
  if (error) {
    console.error(`${error.message} (${error.data.hint})`);
    process.exit(1);
  }
  if (id === 1) {
    console.log(`${result.id} ${result.status} -> ${result.target}`);
    socket.end();
  }
}
