/**
 * Chat with a Xiaoer shop from a browser, React Native or Node 22. One file without dependencies: copy it.
 *
 *     const chat = await Chat.open("https://shop.example");
 *     await chat.send("我的快递到哪了");
 *     for await (const line of chat.follow()) console.log(line.from, line.text);
 *
 * Your backend checks what a webhook posts with `verified(body, header, secret)`.
 */

export interface Button { label: string; payload: string }

export interface Line {
  id: number;
  at: string;
  from: "shopper" | "bot" | "system" | "agent";
  text: string;
  buttons: Button[];
  card: Record<string, unknown> | null;
  attachment: string | null;
  client_id: string | null;
  staff_id: number | null;
}

export interface State {
  owner: "bot" | "queue" | "agent";
  typing: boolean;
  status: "open" | "snoozed" | "resolved";
  [more: string]: unknown;
}

export class Refused extends Error {
  status: number;
  code: string;
  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** The shop says something on a stream every 15 seconds. */
const SILENCE = 45_000;
const TRY_AGAIN = [429, 500, 502, 503, 504];

/**
 * One conversation. Keep `id`, `token`, `shown` and `seen` to go on with it later. `shown` is the conversation
 * whose lines are read: the shop may merge one into another.
 */
export class Chat {
  state: State | null = null;
  shop: string;
  id: string;
  token: string;
  shown: string;
  seen: number;
  private left = new Map<string, number>();

  constructor(shop: string, id: string, token: string, shown = id, seen = 0) {
    this.shop = shop;
    this.id = id;
    this.token = token;
    this.shown = shown;
    this.seen = seen;
  }

  /** A visitor's new conversation, or with the session of a signed-in shopper their own. */
  static async open(shop: string, session = ""): Promise<Chat> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (session) headers.Authorization = `Bearer ${session}`;
    const body = JSON.stringify({ channel: "app" });
    const answer = await fetch(`${shop}/chat/conversations`, { method: "POST", headers, body });
    const opened = await (await accepted(answer)).json();
    return new Chat(shop, opened.conversation, opened.token);
  }

  /** Say something; its number. Said again under the same id it is one message. */
  async send(text: string, id: string = crypto.randomUUID()): Promise<number> {
    return (await (await this.post("messages", { id, text })).json()).event;
  }

  async press(button: Button): Promise<number> {
    const pressed = { id: crypto.randomUUID(), payload: button.payload };
    return (await (await this.post("messages", pressed)).json()).event;
  }

  /** The shopper has read the lines up to this number. */
  async read(number: number): Promise<void> {
    await this.post("receipts", { read: number });
  }

  async typing(on = true): Promise<void> {
    await this.post("typing", { on });
  }

  /** The last lines before that number, oldest first. */
  async history(before: number, limit = 50): Promise<Line[]> {
    const answer = await this.ask(`events?before=${before}&limit=${limit}`);
    return (await (await accepted(answer)).json()).events;
  }

  /**
   * Every line after `seen`, once and in order, until `signal` aborts: a broken connection is made again.
   * Throws `Refused` when the token is good no more.
   */
  async *follow(signal?: AbortSignal): AsyncGenerator<Line> {
    for (let wait = SHORTEST_WAIT; !signal?.aborted; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        for await (const [event, data] of this.stream(signal)) {
          wait = SHORTEST_WAIT;
          if (event === "state") this.state = data as unknown as State;
          if (event === "moved") this.turnTo(data.conversation);
          if (event !== "message") continue;
          this.seen = data.id;
          yield data as unknown as Line;
        }
      } catch (error) {
        const refused = error instanceof Refused ? error.status : 0;
        if (refused === 403 && this.shown !== this.id) this.turnTo(this.id);
        else if (refused && !TRY_AGAIN.includes(refused)) throw error;
      }
      if (!signal?.aborted) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  private turnTo(conversation: string): void {
    this.left.set(this.shown, this.seen);
    this.shown = conversation;
    this.seen = this.left.get(conversation) ?? 0;
  }

  private async *stream(signal?: AbortSignal): AsyncGenerator<[string, Record<string, any>]> {
    const broken = new AbortController();
    const abort = () => broken.abort();
    signal?.addEventListener("abort", abort);
    let silence = setTimeout(abort, SILENCE);
    try {
      const answer = await this.ask("stream", { "Last-Event-ID": String(this.seen) }, broken.signal);
      const reader = (await accepted(answer)).body!.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop()!;
        for (const block of blocks) {
          const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
          if (fields.has("data")) yield [fields.get("event") ?? "message", JSON.parse(fields.get("data")!)];
        }
      }
    } finally {
      clearTimeout(silence);
      signal?.removeEventListener("abort", abort);
      broken.abort();
    }
  }

  private path(what: string): string {
    return `${this.shop}/chat/conversations/${what === "messages" ? this.id : this.shown}/${what}`;
  }

  private ask(what: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(this.path(what), { headers: { Authorization: `Bearer ${this.token}`, ...headers }, signal });
  }

  /** Over a broken line it is posted again: what has an id is not said twice. */
  private async post(what: string, body: unknown): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    for (let wait = SHORTEST_WAIT; ; wait *= 2) {
      try {
        return await accepted(await fetch(this.path(what), { method: "POST", headers, body: JSON.stringify(body) }));
      } catch (error) {
        if (error instanceof Refused || wait > 4000) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}

async function accepted(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.code ?? "");
}

/**
 * What a webhook posted, if `X-Xiaoer-Signature` is the shop's and at most `tolerance` seconds old. Check the
 * body as it came, before any parsing. What has an `id` you know already is a repeat. Throws otherwise.
 */
export async function verified(
  body: string,
  header: string,
  secret: string,
  tolerance = 300,
): Promise<Record<string, any>> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const parts = header.split(",").map((part) => part.split("="));
  const moment = parts.find(([name]) => name === "t")?.[1] ?? "";
  if (!/^\d+$/.test(moment) || Math.abs(Date.now() / 1000 - Number(moment)) > tolerance) {
    throw new Error("too old, or no time");
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["verify"]);
  for (const [name, mark] of parts) {
    if (name !== "v1" || !/^[0-9a-f]{64}$/.test(mark)) continue;
    const signature = Uint8Array.from(mark.match(/../g)!, (pair) => parseInt(pair, 16));
    if (await crypto.subtle.verify("HMAC", key, signature, bytes(`${moment}.${body}`))) return JSON.parse(body);
  }
  throw new Error("not signed by the shop");
}
