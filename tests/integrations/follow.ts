// Run by test_clients.py: node follow.ts SHOP — says what it reads, follows, prints each line; or
// node follow.ts --verify SECRET HEADER with a body on standard input.
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

import { Chat, Refused, verified } from "../../integrations/channels/clients/typescript/xiaoer-client.ts";

const [shop, secret, header] = process.argv.slice(2);
const tell = (told: unknown) => console.log(JSON.stringify(told));

if (shop === "--verify") {
  tell(await verified(await text(process.stdin), header, secret).catch((error) => error.message));
} else {
  const chat = await Chat.open(shop);
  const ended = new AbortController();
  const talking = (async () => {
    for await (const said of createInterface(process.stdin)) await chat.send(said, said);
    await chat.typing();
  })();
  for await (const line of chat.follow(ended.signal)) {
    tell([line.id, line.from, line.text]);
    if (line.text === "heard end") ended.abort();
  }
  await talking;
  await chat.read(chat.seen);
  tell([chat.state?.owner, (await chat.history(3)).map((line) => line.id)]);
  const stranger = new Chat(shop, chat.id, "forged");
  tell(await stranger.send("x").catch((error) => error instanceof Refused && error.status));
  tell(await stranger.follow().next().catch((error) => error.code));
}
