/*
 * <xiaoer-chat>: the shop's chat window as one web component without dependencies.
 *
 *   <script src="https://shop.example/chat/xiaoer-chat.js" defer></script>
 *
 * puts a chat button on the page. Options are attributes of the script tag (`data-lang="en"`) or of an
 * <xiaoer-chat> element written into the page by hand:
 *
 *   server   origin of the shop's API (default: where this script came from)
 *   lang     zh-CN or en (default: the browser's language)
 *   heading  name in the header (default: 小二)
 *   session  session token of a signed-in shopper; another session opens another conversation
 *   name     how the signed-in shopper is greeted
 *   open     present: the window starts open
 *
 * Methods: open(), close(), ask(text), signIn(token, name), signOut().
 * Events: xiaoer:open, xiaoer:close, xiaoer:session-expired (all bubble).
 *
 * The server is the truth: events are drawn in the order of their ids, each once. What the shopper typed
 * is kept in localStorage until the server acknowledged it and is sent again, under the same id, until then.
 */
(() => {
  "use strict";

  if (customElements.get("xiaoer-chat")) return;

  const script = document.currentScript;
  const home = script?.src ? new URL(script.src).origin : location.origin;

  const MESSAGES = {
    "zh-CN": {
      heading: "小二",
      launch: "问小二",
      launchUnread: (count) => `问小二，${count} 条未读消息`,
      dialog: "与小二聊天",
      close: "关闭聊天",
      log: "聊天记录",
      human: "转人工",
      humanHint: "转接人工客服",
      connecting: "连接中…",
      offline: "已离线",
      bot: "智能客服，随时都在",
      queue: "正在为您转接人工",
      agent: "人工客服为您服务",
      writing: "正在输入…",
      offlineNotice: "网络断开了。您可以继续写，连上后会自动发送。",
      retryNow: "立即重连",
      expired: "登录已过期，现在以访客身份聊天。要查订单，请重新登录。",
      hello: (name) => (name ? `${name}，您好` : "您好，我是小二"),
      intro: "查订单、办退换、问库存、找门店，\n像平时说话那样告诉我就好。",
      placeholder: "说说您的问题…",
      input: "输入消息",
      send: "发送",
      tooLong: (length, limit) => `太长了：${length} / ${limit} 字`,
      newMessages: "新消息",
      waiting: "待发送",
      sending: "发送中…",
      failed: "没有发出",
      resend: "重新发送",
      discard: "删除",
      says: { shopper: "我说：", bot: "小二说：", agent: "客服说：", system: "通知：" },
      agentLabel: "人工客服",
      yesterday: "昨天",
      order: "订单",
      total: "合计",
      progress: "进度",
      done: "已完成",
      toDo: "未到",
      copy: "复制",
      copied: "已复制",
      moreTracking: (count) => `更早的 ${count} 条物流`,
      openingHours: "营业时间",
      phone: "电话",
      refund: "退款",
      destination: "退回方式",
      expectedBy: "预计到账",
      source: "来源",
      return: "退货",
      exchange: "换货",
      next: "接下来",
      points: "积分",
      pointsToNext: (points, level) => `再攒 ${points} 积分升到${level}`,
      chips: [
        ["我的订单到哪了", "我的订单到哪了"],
        ["退款进度", "退款进度"],
        ["附近门店", "附近门店"],
        ["转人工", "转人工"],
      ],
    },
    en: {
      heading: "Xiaoer",
      launch: "Chat with us",
      launchUnread: (count) => `Chat with us, ${count} unread`,
      dialog: "Chat with Xiaoer",
      close: "Close chat",
      log: "Conversation",
      human: "Agent",
      humanHint: "Talk to a person",
      connecting: "Connecting…",
      offline: "Offline",
      bot: "Shop assistant",
      queue: "Finding you a person",
      agent: "A person is here",
      writing: "Typing…",
      offlineNotice: "You are offline. Keep writing: your messages are sent once you are back.",
      retryNow: "Reconnect now",
      expired: "Your session has expired and you are chatting as a guest. Sign in again to see your orders.",
      hello: (name) => (name ? `Hello ${name}` : "Hello, this is Xiaoer"),
      intro: "Orders, returns, stock and stores: just say it in your own words.",
      placeholder: "How can we help?",
      input: "Message",
      send: "Send",
      tooLong: (length, limit) => `Too long: ${length} of ${limit} characters`,
      newMessages: "New messages",
      waiting: "Waiting to send",
      sending: "Sending…",
      failed: "Not sent",
      resend: "Send again",
      discard: "Delete",
      says: { shopper: "You said:", bot: "Xiaoer said:", agent: "Agent said:", system: "Notice:" },
      agentLabel: "Agent",
      yesterday: "Yesterday",
      order: "Order",
      total: "Total",
      progress: "Progress",
      done: "done",
      toDo: "to come",
      copy: "Copy",
      copied: "Copied",
      moreTracking: (count) => `Earlier updates (${count})`,
      openingHours: "Hours",
      phone: "Phone",
      refund: "Refund",
      destination: "Goes to",
      expectedBy: "Expected by",
      source: "Source",
      return: "Return",
      exchange: "Exchange",
      next: "Next",
      points: "points",
      pointsToNext: (points, level) => `${points} points to ${level}`,
      chips: [
        ["Where is my order?", "我的订单到哪了"],
        ["My refund", "退款进度"],
        ["Stores nearby", "附近门店"],
        ["Talk to a person", "转人工"],
      ],
    },
  };

  const SHOP_ZONE = "Asia/Shanghai";
  const DAY_MS = 86_400_000;
  const MAX_LENGTH = 2000;
  const GROUP_GAP_MS = 5 * 60 * 1000;
  const RETRY_FIRST_MS = 500;
  const RETRY_MOST_MS = 20000;
  const PING_EVERY_MS = 25000;
  const ANSWER_WITHIN_MS = 10000;
  const SETTLED_AFTER_MS = 200;
  const PHONE = matchMedia("(max-width: 480px)");

  // ---------------------------------------------------------------- building blocks

  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child != null && child !== false));
    return element;
  }

  const ICONS = {
    face: ["M4 5.5A2.5 2.5 0 0 1 6.5 3h11A2.5 2.5 0 0 1 20 5.5v9a2.5 2.5 0 0 1-2.5 2.5H12l-4.5 4v-4h-1A2.5 2.5 0 0 1 4 14.5z", "M9.5 7.5h5", "M7.7 11.2c2.3 2.5 6.3 2.5 8.6 0"],
    person: ["M5 12.5V11a7 7 0 0 1 14 0v1.5", "M5 12h2.5v5H6.5A1.5 1.5 0 0 1 5 15.5zM19 12h-2.5v5h1a1.5 1.5 0 0 0 1.5-1.5z", "M18 17c0 2-1.5 3-4.5 3"],
    close: ["M6 9.5l6 6 6-6"],
    send: ["M12 19V5.5", "M6 11.2l6-6 6 6"],
    down: ["M12 5v13", "M6.5 12.5l5.5 5.5 5.5-5.5"],
  };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    for (const line of ICONS[name]) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", line);
      svg.append(path);
    }
    return svg;
  }

  /** A random UUID; crypto.randomUUID exists only on https pages. */
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  /** A short name for a session in storage keys, so that the token itself is not stored (FNV-1a). */
  function fingerprint(text) {
    let hash = 0xcbf29ce484222325n;
    for (const unit of text) hash = ((hash ^ BigInt(unit.codePointAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn;
    return hash.toString(36);
  }

  /** How long a text is as the server counts: an emoji is one character. */
  const characters = (text) => [...text].length;

  const yuan = (fen) => `${fen < 0 ? "-" : ""}¥${(Math.abs(fen) / 100).toFixed(2)}`;

  /** Text with its http(s) addresses as links. Chinese characters and punctuation end an address. */
  function linked(text) {
    const parts = [];
    let from = 0;
    for (const match of text.matchAll(/https?:\/\/[^\s<>"'\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+/g)) {
      const address = match[0].replace(/[.,;:!?)\]]+$/, "");
      parts.push(text.slice(from, match.index));
      parts.push(h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
      from = match.index + address.length;
    }
    return [...parts, text.slice(from)];
  }

  function picture(source, server) {
    let url = null;
    try {
      url = new URL(source, server);
    } catch {
      return h("span", { class: "picture" });
    }
    const safe = /^https?:$/.test(url.protocol) || /^data:image\//.test(url.href);
    return safe && source
      ? h("img", { class: "picture", src: url.href, alt: "", loading: "lazy" })
      : h("span", { class: "picture" });
  }

  /** What one identity keeps in this browser: its conversation, visitor token, draft and unsent messages. */
  class Memory {
    static #storage = (() => {
      try {
        localStorage.setItem("xiaoer-chat", "");
        localStorage.removeItem("xiaoer-chat");
        return localStorage;
      } catch {
        const held = new Map();
        return {
          getItem: (key) => held.get(key) ?? null,
          setItem: (key, value) => held.set(key, value),
          removeItem: (key) => held.delete(key),
        };
      }
    })();

    constructor(key) {
      this.key = key;
    }

    read() {
      const empty = { conversation: null, token: null, seen: 0, draft: "", outbox: [] };
      try {
        return { ...empty, ...JSON.parse(Memory.#storage.getItem(this.key) ?? "{}") };
      } catch {
        return empty;
      }
    }

    update(change) {
      const record = this.read();
      change(record);
      Memory.#storage.setItem(this.key, JSON.stringify(record));
      return record;
    }

    forget() {
      Memory.#storage.removeItem(this.key);
    }
  }

  /**
   * A socket that comes back: says hello, hands over frames, notices silence and tries again with growing
   * pauses. `listener` has hello() -> Promise<frame>, heard(frame), changed(), rejected().
   * `state` is "connecting", "ready" or "offline".
   */
  class Line {
    state = "connecting";
    #listener;
    #url;
    #socket = null;
    #attempt = 0;
    #round = 0;
    #retry;
    #silence;
    #pings;

    constructor(server, listener) {
      this.#url = new URL("/chat/ws", server);
      this.#url.protocol = this.#url.protocol.replace("http", "ws");
      this.#listener = listener;
    }

    async connect() {
      const round = this.#hangUp();
      if (this.#attempt === 0) this.#become("connecting");
      let hello;
      try {
        hello = await this.#listener.hello();
      } catch {
        if (round === this.#round) this.#lost();
        return;
      }
      if (round !== this.#round) return;
      const socket = (this.#socket = new WebSocket(this.#url));
      this.#expectAnswer();
      socket.onopen = () => socket.send(JSON.stringify(hello));
      socket.onmessage = ({ data }) => this.#heard(JSON.parse(data));
      socket.onclose = ({ code }) => {
        if (round !== this.#round) return;
        if (code === 4401) this.#listener.rejected();
        this.#lost();
      };
    }

    /** Try now instead of at the end of the pause; does nothing while a try is under way. */
    hurry() {
      if (this.state === "offline") {
        this.#attempt = 0;
        this.connect();
      } else if (this.state === "ready") {
        this.send({ type: "ping" });
      }
    }

    /** Give up the socket and begin again after a pause. */
    drop() {
      this.#hangUp();
      this.#lost();
    }

    stop() {
      this.#hangUp();
    }

    send(frame) {
      if (this.state !== "ready") return;
      this.#socket.send(JSON.stringify(frame));
      this.#expectAnswer();
    }

    #heard(frame) {
      clearTimeout(this.#silence);
      this.#silence = null;
      if (frame.type === "ready") {
        this.#attempt = 0;
        this.#pings = setInterval(() => this.send({ type: "ping" }), PING_EVERY_MS);
        this.#become("ready");
      }
      this.#listener.heard(frame);
    }

    #expectAnswer() {
      this.#silence ??= setTimeout(() => this.drop(), ANSWER_WITHIN_MS);
    }

    #lost() {
      this.#hangUp();
      const pause = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#attempt++);
      this.#retry = setTimeout(() => this.connect(), pause * (0.6 + 0.4 * Math.random()));
      this.#become("offline");
    }

    #hangUp() {
      clearTimeout(this.#retry);
      clearTimeout(this.#silence);
      clearInterval(this.#pings);
      this.#silence = null;
      this.#socket?.close();
      this.#socket = null;
      return ++this.#round;
    }

    #become(state) {
      if (this.state === state) return;
      this.state = state;
      this.#listener.changed();
    }
  }

  // ---------------------------------------------------------------- cards

  const figure = (label, ...rest) => h("div", { class: "card", role: "group", "aria-label": label }, ...rest);

  const cardHead = (title, note, side) =>
    h(
      "div",
      { class: "card-head" },
      h("div", {}, h("strong", {}, title ?? ""), note && h("small", {}, note)),
      side && h("b", { class: "amount" }, side),
    );

  const facts = (rows) =>
    h(
      "dl",
      { class: "facts" },
      rows.filter(([, value]) => value).map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
    );

  function progressLine(steps, { t, when }) {
    const reached = steps.findLastIndex((step) => step.done);
    return h(
      "ol",
      { class: "progress", "aria-label": t.progress },
      steps.map((step, index) =>
        h(
          "li",
          { class: step.done ? "done" : null, "aria-current": index === reached ? "step" : null },
          h("span", {}, step.label),
          h("span", { class: "hidden" }, step.done ? t.done : t.toDo),
          step.at && step.done && h("time", { datetime: step.at }, when(step.at, "day")),
        ),
      ),
    );
  }

  function trackingPart(tracking, { t, when }) {
    const events = [...(tracking.events ?? [])].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
    const list = (some) =>
      h(
        "ol",
        { class: "tracking" },
        some.map((event) =>
          h(
            "li",
            {},
            h("span", {}, event.place && h("b", {}, event.place), " ", event.text),
            h("time", { datetime: event.at }, when(event.at)),
          ),
        ),
      );
    const copy =
      navigator.clipboard &&
      h(
        "button",
        {
          type: "button",
          class: "link",
          "aria-label": `${t.copy} ${tracking.number}`,
          click: async ({ currentTarget }) => {
            await navigator.clipboard.writeText(tracking.number);
            currentTarget.textContent = t.copied;
          },
        },
        t.copy,
      );
    return [
      h("div", { class: "parcel" }, h("span", {}, tracking.carrier, " ", h("code", {}, tracking.number)), copy),
      list(events.slice(0, 2)),
      events.length > 2 &&
        h("details", {}, h("summary", {}, t.moreTracking(events.length - 2)), list(events.slice(2))),
    ];
  }

  /** One renderer per card type: (card, {t, when, server}) -> element. */
  const CARDS = {
    order(card, view) {
      return figure(
        `${view.t.order} ${card.number}`,
        cardHead(card.state_label, `${view.t.order} ${card.number}`, yuan(card.total_fen)),
        h(
          "ul",
          { class: "lines" },
          card.lines.map((line) =>
            h(
              "li",
              {},
              picture(line.image, view.server),
              h("div", {}, h("span", {}, line.name), h("small", {}, `${line.variant} × ${line.quantity}`)),
              h("span", { class: "amount" }, yuan(line.price_fen)),
            ),
          ),
        ),
        card.progress?.length > 0 && progressLine(card.progress, view),
        card.tracking && trackingPart(card.tracking, view),
      );
    },

    products(card, { server }) {
      return h(
        "ul",
        { class: "products" },
        card.products.map((product) =>
          h(
            "li",
            { class: "card" },
            picture(product.image, server),
            h("span", {}, product.name),
            h("b", { class: "amount" }, yuan(product.price_fen)),
            h("small", {}, product.variants),
            h("small", { class: "stock" }, product.stock_label),
          ),
        ),
      );
    },

    stores(card, { t }) {
      return h(
        "ul",
        { class: "stores" },
        card.stores.map((store) =>
          h(
            "li",
            { class: "card" },
            cardHead(store.name, store.address, store.distance_km != null && `${store.distance_km.toFixed(1)} km`),
            facts([
              [t.openingHours, store.hours],
              [t.phone, store.phone && h("a", { href: `tel:${store.phone.replace(/[^\d+]/g, "")}` }, store.phone)],
            ]),
          ),
        ),
      );
    },

    refund(card, { t, when }) {
      return figure(
        `${t.refund} ${card.number}`,
        cardHead(card.state_label, `${t.refund} ${card.number}`, yuan(card.amount_fen)),
        facts([
          [t.destination, card.destination],
          [t.expectedBy, card.expected_by && when(card.expected_by, "day")],
        ]),
      );
    },

    return(card, view) {
      const kind = view.t[card.kind === "exchange" ? "exchange" : "return"];
      return figure(
        `${kind} ${card.number}`,
        cardHead(card.state_label, `${kind} ${card.number}`),
        h("p", {}, card.item),
        card.progress?.length > 0 && progressLine(card.progress, view),
        facts([[view.t.next, card.next]]),
      );
    },

    article(card, { t, server }) {
      const href = new URL(card.url, server).href;
      if (!/^https?:/.test(href)) return null;
      return h("a", { class: "soft", href, target: "_blank", rel: "noopener" }, `${t.source} · ${card.title}`);
    },

    points(card, { t }) {
      const meter = h("meter", {
        min: 0,
        max: card.points + card.points_to_next,
        value: card.points,
        "aria-hidden": "true",
      });
      return figure(
        t.points,
        cardHead(`${card.points} ${t.points}`, null, card.level),
        card.next_level && meter,
        card.next_level && h("p", { class: "soft" }, t.pointsToNext(card.points_to_next, card.next_level)),
      );
    },
  };

  // ---------------------------------------------------------------- the element

  class XiaoerChat extends HTMLElement {
    static observedAttributes = ["session", "lang"];

    #root = this.attachShadow({ mode: "open" });
    #parts = {};
    #t = MESSAGES.en;
    #lang = "en";
    #server = home;
    #line = null;
    #memory = null;
    #left = null;
    #session = null;
    #name = "";
    #owner = "bot";
    #notice = "";
    #events = [];
    #last = 0;
    #replayUntil = 0;
    #gapAt = -1;
    #stuck = true;
    #typingEnds;
    #returnFocusTo = null;
    #leave = null;

    constructor() {
      super();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.#root.adoptedStyleSheets = [sheet];
    }

    connectedCallback() {
      this.#leave = new AbortController();
      const { signal } = this.#leave;
      this.#server = this.getAttribute("server") || home;
      this.#session ??= this.getAttribute("session");
      this.#name ||= this.getAttribute("name") ?? "";
      this.#memory = null;
      this.#build();
      this.#begin();
      addEventListener("online", () => this.#line?.hurry(), { signal });
      addEventListener("offline", () => this.#line?.drop(), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || this.#line?.hurry(), { signal });
      PHONE.addEventListener("change", () => this.#fit(), { signal });
      window.visualViewport?.addEventListener("resize", () => this.#fit(), { signal });
      window.visualViewport?.addEventListener("scroll", () => this.#fit(), { signal });
      if (this.hasAttribute("open")) this.open();
    }

    disconnectedCallback() {
      this.#leave.abort();
      this.#line?.stop();
      this.#line = null;
      document.documentElement.style.overflow = "";
    }

    attributeChangedCallback(attribute, before, value) {
      if (!this.#memory || before === value) return;
      if (attribute === "session") value ? this.signIn(value, this.getAttribute("name")) : this.signOut();
      else this.#build();
    }

    // ------------------------------------------------------------ for the page

    get isOpen() {
      return !this.#parts.panel.hidden;
    }

    open() {
      if (this.isOpen) return;
      const { panel, launcher, input } = this.#parts;
      const active = document.activeElement;
      this.#returnFocusTo = active === document.body || active === this ? null : active;
      panel.hidden = false;
      launcher.hidden = true;
      this.#fit();
      if (!this.#line) this.#connect();
      this.#markSeen();
      this.#scrollDown();
      (matchMedia("(pointer: coarse)").matches ? panel : input).focus();
      this.#tell("open");
    }

    close() {
      if (!this.isOpen) return;
      this.#parts.panel.hidden = true;
      this.#parts.launcher.hidden = false;
      this.#fit();
      (this.#returnFocusTo ?? this.#parts.launcher).focus();
      this.#tell("close");
    }

    /** Opens the window and says `text` for the shopper. */
    ask(text) {
      this.open();
      this.#say({ text });
    }

    /** From now on the shopper is who holds this session token; `name` is for the greeting. */
    signIn(token, name) {
      if (token === this.#session) return;
      this.#session = token;
      this.#name = name ?? "";
      this.#notice = "";
      this.#begin();
    }

    /** Back to a guest; what this browser kept of the signed-in conversation is forgotten. */
    signOut() {
      if (!this.#session) return;
      this.#session = null;
      this.#name = "";
      this.#notice = "";
      this.#begin();
    }

    // ------------------------------------------------------------ identity and connection

    #begin() {
      const identity = this.#session ? fingerprint(this.#session) : "guest";
      const memory = new Memory(`xiaoer-chat|${this.#server}|${identity}`);
      this.#left = this.#memory && !this.#memory.key.endsWith("|guest") ? this.#memory.read() : null;
      if (this.#left) this.#memory.forget();
      this.#memory = memory;
      this.#line?.stop();
      this.#line = null;
      this.#startOver();
      const { conversation, outbox, draft } = memory.read();
      const { input } = this.#parts;
      input.value = draft || (this.#session ? input.value : "");
      this.#grow();
      if (conversation || outbox.length || this.isOpen) this.#connect();
    }

    #startOver() {
      this.#events = [];
      this.#last = 0;
      this.#gapAt = -1;
      this.#owner = "bot";
      this.#draw();
    }

    #connect() {
      const memory = this.#memory;
      this.#line = new Line(this.#server, {
        hello: () => this.#hello(memory),
        heard: (frame) => this.#heard(frame),
        changed: () => (this.#line?.state === "ready" ? this.#showState() : this.#showTyping(false)),
        rejected: () => {
          memory.update((record) => (record.conversation = record.token = null));
          this.#startOver();
        },
      });
      this.#line.connect();
      this.#showState();
    }

    /** The first frame, after a conversation was opened where there is none yet. Raises when offline. */
    async #hello(memory) {
      let { token } = memory.read();
      if (!token) {
        const answer = await fetch(new URL("/chat/conversations", this.#server), {
          method: "POST",
          headers: {
            "Content-Type": "application/json",
            ...(this.#session && { Authorization: `Bearer ${this.#session}` }),
          },
          body: JSON.stringify({ channel: "web" }),
        });
        if (memory !== this.#memory) throw new Error("the shopper changed meanwhile");
        if (answer.status === 401 && this.#session) this.#expire();
        if (!answer.ok) throw new Error(`conversation refused: ${answer.status}`);
        const opened = await answer.json();
        if (memory !== this.#memory) throw new Error("the shopper changed meanwhile");
        token = opened.token;
        memory.update((record) => {
          Object.assign(record, { conversation: opened.conversation, token });
          // The same shopper under a fresh session: what was not sent yet goes along.
          if (this.#left?.conversation === opened.conversation) record.outbox.unshift(...this.#left.outbox);
        });
        this.#left = null;
        this.#drawOutbox();
      }
      return { type: "hello", token, after: this.#last };
    }

    #expire() {
      const { outbox, draft } = this.#memory.read();
      this.signOut();
      this.#memory.update((record) => {
        record.outbox.push(...outbox);
        record.draft ||= draft;
      });
      this.#notice = this.#t.expired;
      this.#drawOutbox();
      if (!this.#line) this.#connect();
      this.#showState();
      this.#tell("session-expired");
    }

    #heard(frame) {
      switch (frame.type) {
        case "ready":
          this.#replayUntil = frame.last;
          this.#setOwner(frame.owner);
          if (this.#last === 0 && frame.last > 0) this.#parts.log.setAttribute("aria-live", "off");
          for (const message of this.#memory.read().outbox) if (!message.failed) this.#transmit(message);
          this.#drawOutbox();
          break;
        case "event":
          this.#receive(frame.event);
          break;
        case "ack":
          this.#settle(frame.id);
          break;
        case "typing":
          this.#showTyping(frame.on);
          break;
        case "owner":
          this.#setOwner(frame.owner);
          break;
        case "error":
          if (frame.id) this.#fail(frame.id, frame.message);
          else this.#announce(frame.message);
      }
    }

    #receive(event) {
      if (event.id <= this.#last) return;
      if (event.id > this.#last + 1 && this.#gapAt !== this.#last) {
        this.#gapAt = this.#last;
        this.#line.drop();
        return;
      }
      this.#last = event.id;
      this.#events.push(event);
      if (event.client_id) {
        this.#settle(event.client_id);
        this.#removeUnsent(event.client_id);
      }
      const stay = event.from === "shopper" || this.#stuck;
      this.#append(event);
      if (event.from !== "shopper") this.#showTyping(false);
      if (this.#last === this.#replayUntil) setTimeout(() => this.#speak(), SETTLED_AFTER_MS);
      if (this.isOpen && !document.hidden) this.#markSeen();
      else this.#showUnread();
      if (stay) this.#scrollDown();
      else this.#parts.jump.hidden = false;
      this.#showChips();
    }

    // ------------------------------------------------------------ sending

    #say(what) {
      const message = { id: uuid(), at: new Date().toISOString(), ...what };
      this.#memory.update((record) => record.outbox.push(message));
      this.#notice = "";
      this.#transmit(message);
      this.#drawOutbox();
      this.#showState();
      this.#scrollDown();
    }

    #transmit({ id, text, payload, label }) {
      this.#line?.send(payload ? { type: "postback", id, payload, label } : { type: "message", id, text });
    }

    /** The server has it: nothing to send again. It stays on the screen until its event comes. */
    #settle(id) {
      this.#memory.update((record) => (record.outbox = record.outbox.filter((message) => message.id !== id)));
      this.#parts.outbox.querySelector(`[data-id="${CSS.escape(id)}"] .mark`)?.replaceChildren();
    }

    #removeUnsent(id) {
      this.#parts.outbox.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
    }

    #fail(id, reason) {
      this.#memory.update((record) => {
        const message = record.outbox.find((each) => each.id === id);
        if (message) message.failed = reason || this.#t.failed;
      });
      this.#drawOutbox();
    }

    #resend(message) {
      this.#memory.update((record) => delete record.outbox.find((each) => each.id === message.id)?.failed);
      this.#transmit(message);
      this.#drawOutbox();
    }

    #discard(message) {
      this.#settle(message.id);
      this.#removeUnsent(message.id);
      this.#showChips();
      this.#parts.input.focus();
    }

    #submit() {
      const { input } = this.#parts;
      const text = input.value.trim();
      if (!text || characters(text) > MAX_LENGTH) return;
      input.value = "";
      this.#memory.update((record) => (record.draft = ""));
      this.#grow();
      this.#say({ text });
    }

    // ------------------------------------------------------------ drawing

    #build() {
      const wasOpen = Boolean(this.#parts.panel && this.isOpen);
      const wanted = this.getAttribute("lang") || navigator.language;
      this.#lang = /^zh/i.test(wanted) ? "zh-CN" : "en";
      const t = (this.#t = MESSAGES[this.#lang]);
      const button = (attributes, ...children) => h("button", { type: "button", ...attributes }, ...children);

      const badge = h("span", { class: "badge", hidden: true });
      const launcher = button(
        { class: "launcher", hidden: wasOpen, "aria-haspopup": "dialog", click: () => this.open() },
        icon("face"),
        h("span", {}, t.launch),
        badge,
      );
      const state = h("span", { class: "state" });
      const human = button(
        { class: "human", "aria-label": t.humanHint, title: t.humanHint, click: () => this.#say({ text: "转人工" }) },
        icon("person"),
        h("span", {}, t.human),
      );
      const header = h(
        "header",
        {},
        h("span", { class: "face" }, icon("face")),
        h("div", { class: "who" }, h("h2", {}, this.getAttribute("heading") || t.heading), state),
        human,
        button({ class: "close", "aria-label": t.close, title: t.close, click: () => this.close() }, icon("close")),
      );
      const notice = h("div", { class: "notice", role: "status" });
      const intro = h("div", { class: "intro" });
      const events = h("div", { class: "events" });
      const outbox = h("div", { class: "outbox", "aria-live": "off" });
      const typing = h(
        "div",
        { class: "entry bot typing", hidden: true, "aria-hidden": "true" },
        h("div", { class: "bubble" }, h("i"), h("i"), h("i")),
      );
      const log = h(
        "div",
        { class: "log", role: "log", "aria-live": "polite", "aria-label": t.log, tabindex: 0 },
        intro,
        events,
        outbox,
        typing,
      );
      const followed = () => {
        this.#stuck = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
        if (this.#stuck) jump.hidden = true;
      };
      log.addEventListener("scroll", followed, { passive: true });
      new ResizeObserver(() => this.#stuck && this.#scrollDown()).observe(log);
      const jump = button(
        { class: "jump", hidden: true, click: () => this.#scrollDown() },
        icon("down"),
        h("span", {}, t.newMessages),
      );
      const chips = h(
        "div",
        { class: "chips" },
        t.chips.map(([label, text]) => button({ click: () => this.#chosen(text) }, label)),
      );
      const input = h("textarea", {
        rows: 1,
        placeholder: t.placeholder,
        "aria-label": t.input,
        enterkeyhint: "send",
        autocomplete: "off",
        input: () => this.#typed(),
        keydown: (event) => {
          const composing = event.isComposing || event.keyCode === 229;
          if (event.key !== "Enter" || event.shiftKey || composing) return;
          event.preventDefault();
          this.#submit();
        },
      });
      const limit = h("div", { class: "limit", role: "status" });
      const send = h("button", { type: "submit", class: "send", "aria-label": t.send, title: t.send }, icon("send"));
      const composer = h(
        "form",
        {
          submit: (event) => {
            event.preventDefault();
            this.#submit();
            input.focus();
          },
        },
        input,
        send,
        limit,
      );
      const panel = h(
        "section",
        {
          class: "panel",
          role: "dialog",
          lang: this.#lang,
          "aria-label": t.dialog,
          tabindex: -1,
          hidden: !wasOpen,
          keydown: (event) => this.#pressed(event),
        },
        header,
        notice,
        h("div", { class: "middle" }, log, jump),
        chips,
        composer,
      );
      for (const kind of ["keydown", "keyup", "keypress"]) panel.addEventListener(kind, (event) => event.stopPropagation());

      this.#parts = {
        launcher, badge, state, human, notice, intro, events, outbox, typing, log, jump, chips, input, limit, send,
        panel,
      };
      this.#root.replaceChildren(launcher, panel);
      if (this.#memory) {
        input.value = this.#memory.read().draft;
        this.#draw();
        this.#fit();
      }
      this.#grow();
    }

    #draw() {
      const { events, intro, outbox } = this.#parts;
      intro.replaceChildren(
        h("span", { class: "face" }, icon("face")),
        h("strong", {}, this.#t.hello(this.#name)),
        h("p", {}, this.#t.intro),
      );
      events.replaceChildren();
      outbox.replaceChildren();
      const known = this.#events;
      this.#events = [];
      for (const event of known) {
        this.#events.push(event);
        this.#append(event);
      }
      this.#drawOutbox();
      this.#showTyping(false);
      this.#showState();
      this.#showUnread();
      this.#scrollDown();
    }

    /** Puts the newest of `#events` at the end of the log. */
    #append(event) {
      const { events } = this.#parts;
      const before = this.#events.at(-2);
      const pause = !before || Date.parse(event.at) - Date.parse(before.at) > GROUP_GAP_MS;
      if (pause) events.append(h("time", { class: "moment", datetime: event.at }, this.#when(event.at)));
      const first = pause || before.from !== event.from;
      if (event.from === "shopper") this.#retireButtons(event.text);
      events.append(
        this.#entry(event.from, first, event.text, [
          event.card && this.#card(event.card),
          event.buttons?.length > 0 && this.#buttons(event.buttons),
        ]),
      );
    }

    #entry(from, first, text, rest = []) {
      const t = this.#t;
      return h(
        "div",
        { class: `entry ${from}${first ? " first" : ""}` },
        first && from === "agent" && h("small", { class: "label", "aria-hidden": "true" }, t.agentLabel),
        text && h("div", { class: "bubble" }, h("span", { class: "hidden" }, t.says[from]), linked(text)),
        ...rest,
      );
    }

    #card(card) {
      try {
        return CARDS[card.type]?.(card, { t: this.#t, server: this.#server, when: (at, form) => this.#when(at, form) });
      } catch (error) {
        console.warn("xiaoer-chat: card left out", card.type, error);
        return null;
      }
    }

    #buttons(buttons) {
      const group = h("div", { class: "buttons" });
      for (const { label, payload } of buttons) {
        const press = ({ currentTarget }) => {
          this.#retire(group, currentTarget);
          this.#say({ payload, label });
          this.#parts.input.focus({ preventScroll: true });
        };
        group.append(h("button", { type: "button", click: press }, label));
      }
      return group;
    }

    #retire(group, pressed) {
      for (const button of group.children) button.disabled = true;
      pressed.setAttribute("aria-pressed", "true");
    }

    /** History shows which buttons were used: the shopper's next words are the label. */
    #retireButtons(text) {
      const open = [...this.#parts.events.querySelectorAll(".buttons button:not(:disabled)")];
      const pressed = open.findLast((button) => button.textContent === text);
      if (pressed) this.#retire(pressed.parentElement, pressed);
    }

    #drawOutbox() {
      const { outbox } = this.#parts;
      const t = this.#t;
      const unsent = this.#memory.read().outbox;
      const sending = (message) => !message.failed && this.#line?.state === "ready";
      const mark = (message) => {
        if (!message.failed) return [sending(message) ? t.sending : t.waiting];
        return [
          h("span", { role: "alert" }, message.failed),
          h("button", { type: "button", class: "link", click: () => this.#resend(message) }, t.resend),
          h("button", { type: "button", class: "link", click: () => this.#discard(message) }, t.discard),
        ];
      };
      const acknowledged = [...outbox.children].filter((entry) => !entry.querySelector(".mark").hasChildNodes());
      outbox.replaceChildren(
        ...acknowledged,
        ...unsent.map((message, index) => {
          const marks = h("div", { class: "mark" }, mark(message));
          const first = index === 0 && !acknowledged.length && this.#events.at(-1)?.from !== "shopper";
          const entry = this.#entry("shopper", first, message.label ?? message.text, [marks]);
          entry.dataset.id = message.id;
          entry.classList.toggle("sending", sending(message));
          entry.classList.toggle("failed", Boolean(message.failed));
          return entry;
        }),
      );
      this.#showChips();
    }

    #showState() {
      const { state, notice, human, panel } = this.#parts;
      const t = this.#t;
      const line = this.#line?.state ?? "connecting";
      const retry = h("button", { type: "button", class: "link", click: () => this.#line.hurry() }, t.retryNow);
      const shown = line === "offline" ? [t.offlineNotice, retry] : [this.#notice];
      if (notice.dataset.shown !== shown[0]) {
        notice.replaceChildren(...shown);
        notice.dataset.shown = shown[0];
      }
      panel.dataset.line = line;
      if (state.dataset.typing !== "true") state.textContent = line === "ready" ? t[this.#owner] : t[line];
      human.disabled = this.#owner !== "bot";
      this.#drawOutbox();
    }

    #setOwner(owner) {
      if (owner === this.#owner) return;
      this.#owner = owner;
      this.#showTyping(false);
      this.#showState();
    }

    #showTyping(on) {
      const { typing, state } = this.#parts;
      clearTimeout(this.#typingEnds);
      typing.hidden = !on;
      state.dataset.typing = on;
      if (on) {
        state.textContent = this.#t.writing;
        this.#typingEnds = setTimeout(() => this.#showTyping(false), 60000);
        if (this.#stuck) this.#scrollDown();
      } else {
        this.#showState();
      }
    }

    #announce(text) {
      this.#notice = text;
      this.#showState();
    }

    #showChips() {
      const { chips, outbox } = this.#parts;
      chips.hidden =
        this.#owner !== "bot" || outbox.hasChildNodes() || this.#events.some((event) => event.from === "shopper");
    }

    #chosen(text) {
      this.#say({ text });
      this.#parts.input.focus();
    }

    /** History is not read aloud: the log speaks again once the screen reader has seen it change in silence. */
    #speak() {
      this.#parts.log.setAttribute("aria-live", "polite");
    }

    #markSeen() {
      this.#memory.update((record) => (record.seen = Math.max(record.seen, this.#last)));
      this.#showUnread();
    }

    #showUnread() {
      const { badge, launcher } = this.#parts;
      const { seen } = this.#memory.read();
      const unread = this.#events.filter((event) => event.id > seen && event.from !== "shopper").length;
      badge.hidden = !unread;
      badge.textContent = unread > 99 ? "99+" : unread;
      launcher.setAttribute("aria-label", unread ? this.#t.launchUnread(unread) : this.#t.launch);
    }

    #typed() {
      this.#memory.update((record) => (record.draft = this.#parts.input.value));
      this.#grow();
    }

    #grow() {
      const { input, limit, send } = this.#parts;
      input.style.height = "auto";
      if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight, 132)}px`;
      const length = characters(input.value.trim());
      limit.textContent = length > MAX_LENGTH ? this.#t.tooLong(length, MAX_LENGTH) : "";
      send.disabled = !length || length > MAX_LENGTH;
    }

    #scrollDown() {
      const { log, jump } = this.#parts;
      log.scrollTop = log.scrollHeight;
      this.#stuck = true;
      jump.hidden = true;
    }

    /** "14:05", "昨天 14:05", "11月20日 14:05" where the shop is; with form "day" the date alone. */
    #when(at, form) {
      const date = new Date(at);
      if (Number.isNaN(date.getTime())) return "";
      const say = (moment, options, language = this.#lang) =>
        new Intl.DateTimeFormat(language, { timeZone: SHOP_ZONE, ...options }).format(moment);
      const dayOf = (moment) => say(moment, { dateStyle: "short" }, "en-CA");
      const now = Date.now();
      const year = dayOf(date).slice(0, 4) !== dayOf(now).slice(0, 4) && { year: "numeric" };
      const day = say(date, { month: "short", day: "numeric", ...year });
      if (form === "day") return day;
      const clock = say(date, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      if (dayOf(date) === dayOf(now)) return clock;
      return `${dayOf(date) === dayOf(now - DAY_MS) ? this.#t.yesterday : day} ${clock}`;
    }

    // ------------------------------------------------------------ keyboard and screen

    #pressed(event) {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") {
        event.preventDefault();
        this.close();
      } else if (event.key === "Tab" && PHONE.matches) {
        const stops = [...this.#parts.panel.querySelectorAll("button, textarea, a, summary, [tabindex='0']")].filter(
          (stop) => !stop.disabled && stop.getClientRects().length > 0,
        );
        const edge = event.shiftKey ? stops[0] : stops.at(-1);
        if (this.#root.activeElement === edge || this.#root.activeElement === this.#parts.panel) {
          event.preventDefault();
          (event.shiftKey ? stops.at(-1) : stops[0]).focus();
        }
      }
    }

    /** On a phone the window fills what the on-screen keyboard leaves, and the page behind stands still. */
    #fit() {
      const { panel } = this.#parts;
      const full = PHONE.matches && this.isOpen;
      const view = window.visualViewport;
      panel.setAttribute("aria-modal", String(full));
      document.documentElement.style.overflow = full ? "hidden" : "";
      const follow = full && view && view.scale === 1;
      panel.style.setProperty("--height", follow ? `${view.height}px` : "100dvh");
      panel.style.setProperty("--top", follow ? `${view.offsetTop}px` : "0px");
    }

    #tell(what) {
      this.dispatchEvent(new CustomEvent(`xiaoer:${what}`, { bubbles: true, composed: true }));
    }
  }

  const STYLE = `
    :host {
      --paper: #fbf7f2; --card: #fff; --ink: #2b2420; --soft: #74675e; --line: #ebe1d7;
      --brand: #b4491f; --brand-deep: #97390f; --accent: #a8411a; --tint: #fbeadf; --good: #2f7a55;
      --shadow: 0 1px 2px rgb(70 40 20 / .06), 0 12px 40px rgb(70 40 20 / .18);
      color-scheme: light dark;
      font: 15px/1.6 -apple-system, BlinkMacSystemFont, "Segoe UI", "PingFang SC", "HarmonyOS Sans SC", MiSans,
        "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", system-ui, sans-serif;
      text-autospace: normal; line-break: strict; -webkit-text-size-adjust: 100%;
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --paper: #1b1816; --card: #292421; --ink: #f3ece6; --soft: #b5a89d; --line: #3b342f;
        --brand: #b04c24; --brand-deep: #c55a30; --accent: #f2a27c; --tint: #3d2a20; --good: #7cc79f;
        --shadow: 0 12px 40px rgb(0 0 0 / .55);
      }
    }
    * { box-sizing: border-box; margin: 0; padding: 0; }
    [hidden] { display: none !important; }
    ul, ol { list-style: none; }
    button, textarea { font: inherit; color: inherit; }
    button { border: 0; background: none; cursor: pointer; -webkit-tap-highlight-color: transparent; }
    button:disabled { cursor: default; }
    svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round;
      stroke-linejoin: round; flex: none; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    .link { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; font-size: inherit; }
    a { color: var(--accent); text-underline-offset: 3px; overflow-wrap: anywhere; }

    .launcher { position: fixed; z-index: 2147483000; right: max(24px, env(safe-area-inset-right));
      bottom: calc(24px + env(safe-area-inset-bottom)); display: flex; align-items: center; gap: 8px; height: 52px;
      padding: 0 22px 0 18px; border-radius: 26px; background: var(--brand); color: #fff; font-weight: 600;
      box-shadow: var(--shadow); transition: background .2s, transform .2s; }
    .launcher:hover { background: var(--brand-deep); transform: translateY(-1px); }
    .launcher svg { width: 26px; height: 26px; }
    .launcher:focus-visible { outline-offset: 3px; }
    .badge { position: absolute; top: -6px; right: -4px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px;
      background: #c8102e; border: 2px solid #fff; font-size: 12px; line-height: 18px; text-align: center; }

    .panel { position: fixed; z-index: 2147483000; right: max(24px, env(safe-area-inset-right)); bottom: 24px;
      display: flex; flex-direction: column; width: 392px; height: min(680px, calc(100dvh - 48px)); border-radius: 20px;
      overflow: hidden; background: var(--paper); color: var(--ink); box-shadow: var(--shadow), 0 0 0 1px var(--line);
      animation: rise .22s cubic-bezier(.2, .8, .3, 1); }
    .panel:focus { outline: none; }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }

    header { display: flex; align-items: center; gap: 10px; padding: 12px 10px 12px 16px; background: var(--card);
      border-bottom: 1px solid var(--line); }
    .face { display: grid; place-items: center; flex: none; width: 40px; height: 40px; border-radius: 13px; background: var(--brand);
      color: #fff; }
    .face svg { width: 25px; height: 25px; }
    .who { flex: 1; min-width: 0; }
    h2 { font-size: 16px; line-height: 1.35; font-weight: 650; }
    .state { display: flex; align-items: center; gap: 6px; font-size: 12.5px; line-height: 1.4; color: var(--soft); }
    .state::before { content: ""; flex: none; width: 7px; height: 7px; border-radius: 50%; background: var(--soft); }
    [data-line=ready] .state::before { background: var(--good); }
    .human { display: flex; align-items: center; gap: 5px; height: 36px; padding: 0 13px 0 10px; border-radius: 18px;
      background: var(--tint); color: var(--accent); font-size: 14px; font-weight: 600; white-space: nowrap; }
    .human svg { width: 18px; height: 18px; }
    .human:hover:not(:disabled), .chips button:hover, .buttons button:hover:not(:disabled) { background: var(--tint);
      box-shadow: inset 0 0 0 1px var(--accent); }
    .human:disabled { background: none; color: var(--soft); }
    .close { display: grid; place-items: center; width: 40px; height: 40px; border-radius: 12px; color: var(--soft); }
    .close:hover { background: var(--tint); color: var(--accent); }

    .notice { background: var(--tint); font-size: 13px; line-height: 1.5; }
    .notice:not(:empty) { padding: 9px 16px; }
    .notice .link { margin-inline-start: 6px; }

    .middle { position: relative; flex: 1; min-height: 0; display: flex; }
    .log { flex: 1; overflow: hidden auto; overscroll-behavior: contain; padding: 4px 16px 18px; scrollbar-width: thin;
      scrollbar-color: var(--line) transparent; }
    .log:focus-visible { outline-offset: -2px; }
    .intro { padding: 26px 12px 16px; text-align: center; }
    .intro .face { width: 54px; height: 54px; border-radius: 18px; margin: 0 auto 10px; }
    .intro .face svg { width: 34px; height: 34px; }
    .intro strong { display: block; font-size: 18px; line-height: 1.4; font-weight: 650; }
    .intro p { max-width: 19em; margin: 4px auto 0; color: var(--soft); font-size: 14px; white-space: pre-line; text-wrap: balance; }
    .moment { display: block; margin: 18px 0 4px; text-align: center; font-size: 12px; color: var(--soft); }
    .entry { display: flex; flex-direction: column; align-items: flex-start; gap: 8px; margin-top: 6px; }
    .entry.first { margin-top: 14px; }
    .entry.shopper { align-items: flex-end; }
    .bubble { max-width: 86%; padding: 9px 14px; border-radius: 6px 18px 18px 6px; background: var(--card);
      box-shadow: 0 0 0 1px var(--line); white-space: pre-wrap; overflow-wrap: anywhere; position: relative; }
    .first > .bubble { border-top-left-radius: 18px; }
    .shopper > .bubble { border-radius: 18px 6px 6px 18px; background: var(--brand); box-shadow: none; color: #fff; }
    .shopper.first > .bubble { border-radius: 18px 18px 6px 18px; }
    .shopper a { color: inherit; }
    .agent > .bubble { background: var(--tint); box-shadow: none; }
    .label { color: var(--soft); font-size: 12px; line-height: 1; }
    .entry.system { align-items: center; margin: 14px 0; }
    .system > .bubble { max-width: 92%; padding: 2px 8px; background: none; box-shadow: none; text-align: center; font-size: 13.5px;
      text-wrap: balance; }
    .mark { font-size: 12px; line-height: 1.3; color: var(--soft); }
    .mark:empty { display: none; }
    .mark .link { margin-inline-start: 10px; padding: 4px 0; }
    .outbox .entry { gap: 4px; }
    .outbox .entry:not(.sending) .bubble { background: var(--tint); color: var(--ink); }
    .sending .mark { overflow: hidden; animation: late .2s .8s both; }
    @keyframes late { from { height: 0; opacity: 0; } to { height: 1.3em; } }
    .outbox .failed .bubble { box-shadow: 0 0 0 1px var(--accent); }
    .failed .mark { color: var(--accent); }
    .typing .bubble { display: flex; gap: 5px; padding: 15px; border-radius: 18px; }
    .typing { margin-top: 12px; }
    .typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: breathe 1.3s infinite; }
    .typing i:nth-child(2) { animation-delay: .18s; }
    .typing i:nth-child(3) { animation-delay: .36s; }
    @keyframes breathe { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; transform: translateY(-2px); } }
    .jump { position: absolute; bottom: 10px; left: 50%; transform: translateX(-50%); display: flex; align-items: center; gap: 5px;
      height: 34px; padding: 0 15px 0 10px; border-radius: 17px; background: var(--card); color: var(--accent); font-size: 13px;
      font-weight: 600; box-shadow: var(--shadow), 0 0 0 1px var(--line); }
    .jump svg { width: 16px; height: 16px; }

    .buttons, .chips { display: flex; flex-wrap: wrap; gap: 8px; }
    .buttons { max-width: 100%; }
    .buttons button, .chips button { min-height: 38px; padding: 6px 15px; border-radius: 19px; background: var(--card);
      box-shadow: inset 0 0 0 1px var(--line); color: var(--accent); font-size: 14px; line-height: 1.4; text-align: start;
      transition: box-shadow .15s, background .15s; }
    .buttons button:disabled { background: none; color: var(--soft); opacity: .75; }
    .buttons button[aria-pressed] { background: var(--tint); color: var(--accent); opacity: 1; }
    .chips { padding: 0 16px 12px; }

    .card { width: 100%; padding: 14px; border-radius: 16px; background: var(--card); box-shadow: 0 0 0 1px var(--line);
      font-size: 14px; line-height: 1.5; }
    .card > * + * { margin-top: 12px; }
    .card-head { display: flex; justify-content: space-between; gap: 12px; }
    .card-head strong { display: block; font-size: 16px; line-height: 1.4; font-weight: 650; }
    .card small, time { font-size: 12px; color: var(--soft); }
    .card small { display: block; overflow-wrap: anywhere; }
    .amount { font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 600; }
    .card-head .amount { font-size: 16px; }
    .lines { display: grid; gap: 10px; }
    .lines li { display: grid; grid-template-columns: 46px 1fr auto; gap: 10px; align-items: center; line-height: 1.4; }
    .picture { display: block; width: 46px; height: 46px; border-radius: 10px; background: var(--tint); object-fit: cover; }
    .progress { display: flex; padding-top: 2px; }
    .progress li { position: relative; flex: 1; min-width: 0; padding-top: 20px; text-align: center; font-size: 12px; line-height: 1.35;
      color: var(--soft); }
    .progress li > span, .progress time { display: block; }
    .progress time { font-size: 11px; }
    .progress li::after { content: ""; position: absolute; top: 2px; left: 50%; z-index: 1; width: 10px; height: 10px; margin-left: -5px;
      border-radius: 50%; background: var(--card); box-shadow: inset 0 0 0 2px var(--line); }
    .progress li::before { content: ""; position: absolute; top: 6px; left: -50%; width: 100%; height: 2px; background: var(--line); }
    .progress li:first-child::before { display: none; }
    .progress .done { color: var(--ink); }
    .progress .done::after { background: var(--brand); box-shadow: none; }
    .progress .done::before { background: var(--brand); }
    .progress [aria-current] { font-weight: 650; color: var(--accent); }
    .progress [aria-current] time { font-weight: 400; }
    .progress [aria-current]::after { box-shadow: 0 0 0 4px var(--tint); }
    .parcel { display: flex; justify-content: space-between; gap: 8px; padding-top: 12px; border-top: 1px solid var(--line); }
    code { font: 600 13px/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; user-select: all; }
    .tracking { display: grid; gap: 10px; }
    .tracking li { position: relative; padding-left: 18px; color: var(--soft); font-size: 13px; }
    .tracking li::before { content: ""; position: absolute; left: 1px; top: 7px; width: 7px; height: 7px; border-radius: 50%;
      background: var(--line); }
    .tracking b { font-weight: 600; }
    .tracking time { display: block; }
    .parcel + .tracking li:first-child { color: var(--ink); }
    .parcel + .tracking li:first-child::before { background: var(--brand); box-shadow: 0 0 0 3px var(--tint); }
    summary { cursor: pointer; color: var(--accent); font-size: 13px; }
    details .tracking { margin-top: 10px; }
    .facts { display: grid; gap: 6px; }
    .facts div { display: grid; grid-template-columns: 5em 1fr; gap: 10px; }
    .facts dt { color: var(--soft); }
    .soft { color: var(--soft); font-size: 13px; }
    .products { display: flex; gap: 10px; align-self: stretch; margin: 0 -16px; padding: 2px 16px 6px; overflow-x: auto;
      scroll-snap-type: x proximity; scroll-padding: 16px; scrollbar-width: none; }
    .products .card { flex: none; width: 148px; padding: 10px; scroll-snap-align: start; display: flex; flex-direction: column; gap: 3px; }
    .products .card > * { margin: 0; }
    .products .picture { width: 100%; height: 116px; margin-bottom: 6px; }
    .products .amount { margin-top: auto; }
    .card .stock { color: var(--good); }
    .stores { display: grid; gap: 8px; width: 100%; }
    .stores .card-head .amount { font-size: 13px; color: var(--accent); }
    meter { display: block; width: 100%; height: 8px; border: 0; border-radius: 4px; background: var(--line); overflow: hidden; }
    meter::-webkit-meter-bar { height: 8px; border: 0; border-radius: 4px; background: var(--line); }
    meter::-webkit-meter-optimum-value { background: var(--brand); }
    meter::-moz-meter-bar { background: var(--brand); }

    form { display: grid; grid-template-columns: 1fr auto; gap: 0 8px; align-items: end; padding: 10px 12px;
      padding-bottom: calc(12px + env(safe-area-inset-bottom)); background: var(--card); border-top: 1px solid var(--line); }
    textarea { display: block; width: 100%; height: 44px; padding: 9px 16px; border: 1px solid var(--line); border-radius: 22px;
      background: var(--paper); font-size: 16px; line-height: 24px; resize: none; scrollbar-width: none; }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    textarea:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
    .send { display: grid; place-items: center; width: 44px; height: 44px; border-radius: 50%; background: var(--brand);
      color: #fff; transition: opacity .15s; }
    .send:hover:not(:disabled) { background: var(--brand-deep); }
    .send:disabled { opacity: .4; }
    .limit { grid-column: 1 / -1; color: var(--accent); font-size: 13px; }
    .limit:not(:empty) { padding: 6px 4px 0; }

    @media (max-width: 480px) {
      .launcher { right: 16px; bottom: calc(16px + env(safe-area-inset-bottom)); }
      .panel { inset: var(--top, 0) 0 auto 0; width: 100%; height: var(--height, 100dvh); border-radius: 0; box-shadow: none; }
      header { padding-top: calc(10px + env(safe-area-inset-top)); }
      header .close svg { width: 26px; height: 26px; }
    }
    @media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }
    @media (forced-colors: active) { .bubble, .card, .panel, button { border: 1px solid; } }
`;

  customElements.define("xiaoer-chat", XiaoerChat);

  function place() {
    if (document.querySelector("xiaoer-chat")) return;
    const element = document.createElement("xiaoer-chat");
    for (const [name, value] of Object.entries(script?.dataset ?? {})) element.setAttribute(name, value);
    document.body.append(element);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
})();
