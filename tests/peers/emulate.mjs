// OAuth as Google and Microsoft do it, in the eyes of somebody else (emulate). Its calendars are too thin to follow.
//
// Usage: node emulate.mjs google|microsoft REDIRECT_URI. The first line of output is the port. It ends with its standard
// input, so that it never outlives the test. Client: `meridian`, secret `hunter2`; the account is `ada@outside.example`.

import { createServer } from "node:net";
import { createEmulator } from "emulate";

const [service, redirect] = process.argv.slice(2);
// A port that is free now: the emulator takes one by its number.
const port = await new Promise((free) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => free(port));
  });
});
const seed = {
  [service]: {
    users: [{ email: "ada@outside.example", name: "Ada" }],
    oauth_clients: [{ client_id: "meridian", client_secret: "hunter2", name: "Meridian", redirect_uris: [redirect] }],
  },
};
await createEmulator({ service, port, seed });

process.stdout.write(`${port}\n`);
process.stdin.resume().on("end", () => process.exit(0));
