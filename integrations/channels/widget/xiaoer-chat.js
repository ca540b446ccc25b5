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
 *   session  session token of a signed-in shopper; what was said as a guest before goes along
 *   name     how the signed-in shopper is greeted
 *   open     present: the window starts open
 *
 * Methods: open(), close(), ask(text), signIn(token, name), signOut().
 * Events: xiaoer:open, xiaoer:close, xiaoer:session-expired (all bubble).
 *
 * The server is the truth: events are drawn in the order of their ids, each once. What the shopper typed
 * is kept in localStorage until the server acknowledged it and is sent again, under the same id, until then.
 * Pictures wait in the page's memory until they are stored; then they are messages like any other.
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
      ahead: (count) => (count ? `前面还有 ${count} 位` : "您排在第一位"),
      wait: (minutes) => `，预计等 ${minutes} 分钟`,
      closed: (when) => `客服现在不在。您可以先留言，${when} 上班后回复您。`,
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
      uploading: "上传中…",
      resend: "重新发送",
      discard: "删除",
      seen: "已读",
      picture: "图片",
      addPicture: "发图片",
      closePicture: "关闭图片",
      stars: (count) => `${count} 星`,
      rate: "给这次服务打分",
      says: { shopper: "我说：", bot: "小二说：", agent: "客服说：", system: "通知：" },
      saysNamed: (name) => `客服${name}说：`,
      agentLabel: "人工客服",
      refused: {
        too_large: "图片太大了，最多 5 MB。",
        picture_too_large: "图片太大了，最多 5 MB。",
        not_a_picture: "只能发 JPG、PNG、WebP 或 GIF 图片。",
      },
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
      ahead: (count) => (count ? `${count} ahead of you` : "You are next"),
      wait: (minutes) => `, about ${minutes} min`,
      closed: (when) => `Nobody is here right now. Leave a message: you will be answered after ${when}.`,
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
      uploading: "Uploading…",
      resend: "Send again",
      discard: "Delete",
      seen: "Seen",
      picture: "Picture",
      addPicture: "Send a picture",
      closePicture: "Close picture",
      stars: (count) => (count === 1 ? "1 star" : `${count} stars`),
      rate: "Rate this chat",
      says: { shopper: "You said:", bot: "Xiaoer said:", agent: "Agent said:", system: "Notice:" },
      saysNamed: (name) => `${name} said:`,
      agentLabel: "Agent",
      refused: {
        too_large: "This picture is too large: 5 MB at most.",
        picture_too_large: "This picture is too large: 5 MB at most.",
        not_a_picture: "Only JPEG, PNG, WebP and GIF pictures can be sent.",
        no_such_picture: "This picture did not arrive. Please send it again.",
        too_long: "At most 2,000 characters in one message.",
        slow_down: "That was a bit fast. Please wait a few seconds.",
        bad_button: "This button no longer works. Please write instead.",
      },
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
  const TYPING_EVERY_MS = 3000;
  const CONFIRM_AFTER_MS = 1000;
  const RATING_CHANGES_MS = 3_600_000;
  const PICTURE_TYPES = "image/jpeg,image/png,image/webp,image/gif";
  const PICTURE_BYTES = 5 * 1024 * 1024;
  const PICTURE_SIDE = 2560;
  const PICTURE_AS_IT_IS_BYTES = 1_000_000;
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
    cross: ["M6.5 6.5l11 11", "M17.5 6.5l-11 11"],
    page: ["M7 3.5h7l4 4v13H7z", "M13.5 3.5v4.5H18", "M10 12.5h5M10 16h5"],
    send: ["M12 19V5.5", "M6 11.2l6-6 6 6"],
    photo: ["M6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5v-11A2.5 2.5 0 0 1 6.5 4z", "M4.5 17l5-5 3.5 3.5 2.5-2.5 4 4", "M15.3 8.7h.01"],
    star: ["M12 3.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.8-5.2 2.8 1-5.8L3.6 9.7l5.8-.8z"],
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

  /** An agent's emoji or initial on their colour. */
  function portrait({ name, avatar, colour }) {
    const element = h("span", { class: "portrait", "aria-hidden": "true" }, avatar || [...name][0]);
    if (/^#[0-9a-f]{6}$/i.test(colour)) {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      element.style.background = colour;
      element.style.color = red * 0.299 + green * 0.587 + blue * 0.114 > 150 ? "#2b2420" : "#fff";
    }
    return element;
  }

  /** A large photograph as a JPEG that is quick to send, without the place it was taken at. */
  async function lighter(file) {
    if (file.type === "image/gif" || file.size <= PICTURE_AS_IT_IS_BYTES) return file;
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, PICTURE_SIDE / Math.max(bitmap.width, bitmap.height));
      const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
      const paper = canvas.getContext("2d");
      paper.fillStyle = "#fff";
      paper.fillRect(0, 0, canvas.width, canvas.height);
      paper.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
      const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.86));
      return made && made.size < file.size ? made : file;
    } catch {
      return file;
    }
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
      if (this.tell(frame)) this.#expectAnswer();
    }

    /** Sends what is not answered; whether it was sent. */
    tell(frame) {
      if (this.state !== "ready") return false;
      this.#socket.send(JSON.stringify(frame));
      return true;
    }

    #heard(frame) {
      clearTimeout(this.#silence);
      this.#silence = null;
      if (frame.type === "ready") {
        this.#attempt = 0;
        clearInterval(this.#pings);
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
      const told = h("span", {}, `${t.source} · ${card.title}`);
      return h("a", { class: "article", href, target: "_blank", rel: "noopener" }, icon("page"), told);
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
    #guest = null;
    #session = null;
    #name = "";
    #standing = { owner: "bot" };
    #people = {};
    #notice = "";
    #events = [];
    #uploads = new Map();
    #pictures = new Map();
    #confirmed = { read: 0, delivered: 0 };
    #confirming;
    #typedAt = 0;
    #counted = "";
    #last = 0;
    #replayUntil = 0;
    #gapAt = -1;
    #shown = "";
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
      const shown = () => {
        if (document.hidden) return;
        this.#line?.hurry();
        if (this.isOpen) this.#markSeen();
      };
      document.addEventListener("visibilitychange", shown, { signal });
      PHONE.addEventListener("change", () => this.#fit(), { signal });
      window.visualViewport?.addEventListener("resize", () => this.#fit(), { signal });
      window.visualViewport?.addEventListener("scroll", () => this.#fit(), { signal });
      if (this.hasAttribute("open")) this.open();
    }

    disconnectedCallback() {
      this.#leave.abort();
      clearTimeout(this.#confirming);
      this.#showTitle(0);
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

    /**
     * From now on the shopper is who holds this session token; `name` is for the greeting. A conversation begun as
     * a guest becomes theirs.
     */
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
      const { key = "" } = this.#memory ?? {};
      this.#left = this.#memory?.read();
      this.#guest = key.endsWith("|guest") && this.#events.some((event) => event.from === "shopper") && this.#memory;
      if (key && !key.endsWith("|guest")) this.#memory.forget();
      this.#memory = memory;
      this.#line?.stop();
      this.#line = null;
      this.#forgetPictures();
      this.#startOver();
      const { conversation, outbox, draft } = memory.read();
      const { input } = this.#parts;
      input.value = draft || (this.#session ? input.value : "");
      this.#grow();
      if (conversation || outbox.length || this.isOpen) this.#connect();
    }

    #forgetPictures() {
      for (const { url } of this.#uploads.values()) URL.revokeObjectURL(url);
      for (const loaded of this.#pictures.values()) loaded.then(URL.revokeObjectURL, () => null);
      this.#uploads.clear();
      this.#pictures.clear();
    }

    #startOver() {
      this.#events = [];
      this.#last = 0;
      this.#gapAt = -1;
      this.#shown = "";
      this.#standing = { owner: "bot" };
      this.#people = {};
      this.#confirmed = { read: 0, delivered: 0 };
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
      if (!memory.read().token) {
        const opened = (await this.#bring(memory)) ?? (await this.#openNew(memory));
        memory.update((record) => {
          Object.assign(record, opened);
          // The same shopper under a fresh session: what was not sent yet goes along.
          if (this.#left?.conversation === opened.conversation) record.outbox.unshift(...this.#left.outbox);
        });
        this.#left = null;
        this.#drawOutbox();
      }
      return { type: "hello", token: memory.read().token, after: this.#last, shown: this.#shown };
    }

    /** Asks for a conversation as `bearer`; the answer of the server. Raises when offline or too late. */
    async #post(memory, path, bearer, body) {
      const answer = await fetch(new URL(path, this.#server), {
        method: "POST",
        headers: { "Content-Type": "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
        body: JSON.stringify(body),
      });
      const opened = answer.ok ? await answer.json() : null;
      if (memory !== this.#memory) throw new Error("the shopper changed meanwhile");
      return { status: answer.status, opened };
    }

    async #openNew(memory) {
      const { status, opened } = await this.#post(memory, "/chat/conversations", this.#session, { channel: "web" });
      if (status === 401 && this.#session) this.#expire();
      if (!opened) throw new Error(`conversation refused: ${status}`);
      return { conversation: opened.conversation, token: opened.token };
    }

    /** What was said as a guest becomes the conversation of who signed in; null when there is none or it may not. */
    async #bring(memory) {
      if (!this.#guest || !this.#session) return null;
      const { conversation, token } = this.#guest.read();
      const path = `/chat/conversations/${conversation}/customer`;
      const { opened } = await this.#post(memory, path, token, { session: this.#session });
      if (!opened) return null;
      this.#left = { ...this.#guest.read(), conversation: opened.conversation };
      this.#guest.forget();
      this.#guest = null;
      return { conversation: opened.conversation, token: opened.token, seen: this.#left.seen };
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
          this.#moveTo(frame.conversation);
          this.#replayUntil = frame.last;
          this.#stands(frame);
          if (this.#last === 0 && frame.last > 0) this.#parts.log.setAttribute("aria-live", "off");
          for (const message of this.#memory.read().outbox) if (!message.failed) this.#transmit(message);
          for (const upload of this.#uploads.values()) if (!upload.failed) this.#upload(upload);
          this.#drawOutbox();
          break;
        case "event":
          Object.assign(this.#people, frame.people);
          this.#receive(frame.event);
          break;
        case "ack":
          this.#settle(frame.id);
          break;
        case "typing":
          this.#showTyping(frame.on);
          break;
        case "owner":
          this.#stands(frame);
          break;
        case "error":
          if (frame.id) this.#fail(frame.id, this.#t.refused[frame.code] ?? frame.message);
          else this.#announce(this.#t.refused[frame.code] ?? frame.message);
      }
    }

    /** A conversation that was merged into another shows that one, from its beginning. */
    #moveTo(conversation) {
      if (this.#shown && this.#shown !== conversation) {
        this.#memory.update((record) => (record.seen = 0));
        this.#startOver();
      }
      this.#shown = conversation;
    }

    #stands({ owner, agent, queue, seen, people }) {
      Object.assign(this.#people, people);
      if (owner !== this.#standing.owner) this.#showTyping(false);
      this.#standing = { owner, agent, queue, seen };
      this.#showState();
      this.#showSeen();
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
      this.#showSeen();
      this.#confirmSoon();
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

    #transmit({ id, text, payload, label, attachment }) {
      this.#line?.send(payload ? { type: "postback", id, payload, label } : { type: "message", id, text, attachment });
    }

    #attach(files) {
      for (const file of files) {
        if (!file.type.startsWith("image/")) continue;
        const upload = { id: uuid(), file, url: URL.createObjectURL(file) };
        this.#uploads.set(upload.id, upload);
        this.#upload(upload);
      }
      this.#drawOutbox();
      this.#scrollDown();
    }

    /** Stores a picture and says it; without a connection it waits for the next one. */
    async #upload(upload) {
      const memory = this.#memory;
      const { conversation, token } = memory.read();
      if (upload.busy || !token || this.#line?.state !== "ready") return;
      upload.busy = true;
      try {
        upload.light ??= await lighter(upload.file);
        const fits = upload.light.size <= PICTURE_BYTES;
        const stored = fits ? await this.#store(upload, conversation, token) : { code: "too_large" };
        if (memory !== this.#memory || !this.#uploads.has(upload.id)) return;
        if (stored.id) {
          this.#uploads.delete(upload.id);
          this.#pictures.set(stored.id, Promise.resolve(upload.url));
          this.#say({ text: "", attachment: stored.id });
        } else {
          upload.failed = this.#t.refused[stored.code] ?? stored.detail ?? this.#t.failed;
        }
      } catch {
        if (this.#line?.state === "ready") upload.failed = this.#t.failed;
      } finally {
        upload.busy = false;
        this.#drawOutbox();
      }
    }

    async #store({ light, file }, conversation, token) {
      const path = new URL(`/chat/conversations/${conversation}/attachments`, this.#server);
      path.searchParams.set("name", file.name ?? "");
      const answer = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": light.type, Authorization: `Bearer ${token}` },
        body: light,
      });
      return answer.json().catch(() => ({ code: answer.status === 413 ? "too_large" : "" }));
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
      this.#typedAt = 0;
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
      const face = h("span", { class: "face" });
      const title = h("h2");
      const header = h(
        "header",
        {},
        face,
        h("div", { class: "who" }, title, state),
        human,
        button({ class: "close", "aria-label": t.close, title: t.close, click: () => this.close() }, icon("close")),
      );
      const notice = h("div", { class: "notice", role: "status" });
      const queue = h("div", { class: "notice queue", role: "status" });
      const intro = h("div", { class: "intro" });
      const events = h("div", { class: "events" });
      const outbox = h("div", { class: "outbox", "aria-live": "off" });
      const typing = h(
        "div",
        { class: "entry typing", hidden: true, "aria-hidden": "true" },
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
        paste: (event) => {
          if (!event.clipboardData?.files.length) return;
          event.preventDefault();
          this.#attach(event.clipboardData.files);
        },
        keydown: (event) => {
          const composing = event.isComposing || event.keyCode === 229;
          if (event.key !== "Enter" || event.shiftKey || composing) return;
          event.preventDefault();
          this.#submit();
        },
      });
      const limit = h("div", { class: "limit", role: "status" });
      const send = h("button", { type: "submit", class: "send", "aria-label": t.send, title: t.send }, icon("send"));
      const files = h("input", {
        type: "file",
        accept: PICTURE_TYPES,
        multiple: true,
        hidden: true,
        change: () => {
          this.#attach(files.files);
          files.value = "";
        },
      });
      const attach = button(
        { class: "attach", "aria-label": t.addPicture, title: t.addPicture, click: () => files.click() },
        icon("photo"),
      );
      const composer = h(
        "form",
        {
          submit: (event) => {
            event.preventDefault();
            this.#submit();
            input.focus();
          },
        },
        attach,
        input,
        send,
        limit,
        files,
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
          dragover: (event) => event.preventDefault(),
          drop: (event) => {
            event.preventDefault();
            this.#attach(event.dataTransfer.files);
          },
        },
        header,
        notice,
        queue,
        h("div", { class: "middle" }, log, jump),
        chips,
        composer,
      );
      for (const kind of ["keydown", "keyup", "keypress"]) panel.addEventListener(kind, (event) => event.stopPropagation());

      this.#parts = {
        launcher, badge, face, title, state, human, notice, queue, intro, events, outbox, typing, log, jump, chips, input,
        limit, send, panel,
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
      this.#showSeen();
      this.#showUnread();
      this.#scrollDown();
    }

    /** Puts the newest of `#events` at the end of the log. */
    #append(event) {
      const { events } = this.#parts;
      const before = this.#events.at(-2);
      const pause = !before || Date.parse(event.at) - Date.parse(before.at) > GROUP_GAP_MS;
      if (pause) events.append(h("time", { class: "moment", datetime: event.at }, this.#when(event.at)));
      const first = pause || before.from !== event.from || before.staff_id !== event.staff_id;
      if (event.from === "shopper") this.#retireButtons(event.text);
      const entry = this.#entry(event.from, first, event.text, [
        event.attachment && this.#photo(event.attachment, this.#says(event.from, this.#people[event.staff_id])),
        event.card && this.#card(event.card),
        event.buttons?.length > 0 && this.#choices(event),
      ], this.#people[event.staff_id]);
      entry.dataset.event = event.id;
      events.append(entry);
    }

    #says(from, face) {
      return face ? this.#t.saysNamed(face.name) : this.#t.says[from];
    }

    #entry(from, first, text, rest = [], face = null) {
      const label = face ? [portrait(face), face.name] : [this.#t.agentLabel];
      return h(
        "div",
        { class: `entry ${from}${first ? " first" : ""}` },
        first && from === "agent" && h("small", { class: "label", "aria-hidden": "true" }, label),
        text && h("div", { class: "bubble" }, h("span", { class: "hidden" }, this.#says(from, face)), linked(text)),
        ...rest,
      );
    }

    /** A picture's thumbnail, which opens the whole. */
    #photo(attachment, says, url = null) {
      const image = h("img", { alt: "", hidden: true });
      const label = says + this.#t.picture;
      const view = () => this.#view(attachment, photo);
      const options = { type: "button", class: "photo", "aria-label": label, click: view };
      const photo = h("button", options, icon("photo"), image);
      photo.disabled = !attachment;
      if (!url && !this.#pictures.has(attachment)) this.#pictures.set(attachment, this.#load(attachment, true));
      Promise.resolve(url ?? this.#pictures.get(attachment)).then(
        (source) => {
          image.src = source;
          image.hidden = false;
        },
        () => this.#pictures.delete(attachment),
      );
      return photo;
    }

    /** A picture as an address in this page; the server shows it to who has the token only. */
    async #load(attachment, thumbnail) {
      const { conversation, token } = this.#memory.read();
      const path = new URL(`/chat/conversations/${conversation}/attachments/${attachment}`, this.#server);
      if (thumbnail) path.searchParams.set("thumbnail", "true");
      const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}` } });
      if (!answer.ok) throw new Error(`picture refused: ${answer.status}`);
      return URL.createObjectURL(await answer.blob());
    }

    async #view(attachment, from) {
      const image = h("img", { alt: this.#t.picture });
      const shut = h("button", { type: "button", class: "close", "aria-label": this.#t.closePicture }, icon("cross"));
      const options = { class: "viewer", role: "dialog", "aria-modal": "true", "aria-label": this.#t.picture };
      const viewer = h("div", options, image, shut);
      const close = () => {
        viewer.remove();
        if (image.src) URL.revokeObjectURL(image.src);
        from.focus();
      };
      viewer.addEventListener("click", close);
      viewer.addEventListener("keydown", (event) => {
        if (event.key === "Tab") event.preventDefault();
        if (event.key === "Escape") close();
        if (event.key !== "Enter") event.stopPropagation();
      });
      this.#parts.panel.append(viewer);
      shut.focus();
      image.src = await this.#load(attachment, false).catch(() => this.#pictures.get(attachment));
    }

    #card(card) {
      try {
        return CARDS[card.type]?.(card, { t: this.#t, server: this.#server, when: (at, form) => this.#when(at, form) });
      } catch (error) {
        console.warn("xiaoer-chat: card left out", card.type, error);
        return null;
      }
    }

    #choices({ buttons, at }) {
      const rating = buttons.every(({ payload }) => /^rate:\d+:[1-5]$/.test(payload));
      return rating ? this.#stars(buttons, at) : this.#buttons(buttons);
    }

    /** One tap for one to five stars, which may be changed for an hour. */
    #stars(buttons, at) {
      const group = h("div", { class: "stars", role: "group", "aria-label": this.#t.rate });
      const count = ({ payload }) => Number(payload.at(-1));
      for (const { label, payload } of [...buttons].sort((a, b) => count(a) - count(b))) {
        const stars = count({ payload });
        const press = () => {
          if (Date.now() - Date.parse(at) > RATING_CHANGES_MS) return;
          this.#light(group, stars);
          this.#say({ payload, label });
        };
        const told = { "aria-label": this.#t.stars(stars), "aria-pressed": "false", title: label };
        const star = h("button", { type: "button", ...told, click: press }, icon("star"));
        star.dataset.label = label;
        group.append(star);
      }
      return group;
    }

    #light(group, stars) {
      [...group.children].forEach((star, index) => {
        star.classList.toggle("lit", index < stars);
        star.setAttribute("aria-pressed", index + 1 === stars);
      });
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
      const stars = [...this.#parts.events.querySelectorAll(".stars")].at(-1);
      const star = [...(stars?.children ?? [])].findIndex((button) => button.dataset.label === text);
      if (star >= 0) this.#light(stars, star + 1);
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
          const photo = message.attachment && this.#photo(message.attachment, t.says.shopper);
          const entry = this.#entry("shopper", first, message.label ?? message.text, [photo, marks]);
          entry.dataset.id = message.id;
          entry.classList.toggle("sending", sending(message));
          entry.classList.toggle("failed", Boolean(message.failed));
          return entry;
        }),
        ...[...this.#uploads.values()].map((upload) => this.#uploadEntry(upload)),
      );
      this.#showChips();
    }

    #uploadEntry(upload) {
      const t = this.#t;
      const again = () => {
        delete upload.failed;
        this.#upload(upload);
        this.#drawOutbox();
      };
      const drop = () => {
        this.#uploads.delete(upload.id);
        URL.revokeObjectURL(upload.url);
        this.#drawOutbox();
        this.#parts.input.focus();
      };
      const marks = upload.failed
        ? [
            h("span", { role: "alert" }, upload.failed),
            h("button", { type: "button", class: "link", click: again }, t.resend),
            h("button", { type: "button", class: "link", click: drop }, t.discard),
          ]
        : [upload.busy ? t.uploading : t.waiting];
      const photo = this.#photo(null, t.says.shopper, upload.url);
      const entry = this.#entry("shopper", false, "", [photo, h("div", { class: "mark" }, marks)]);
      entry.classList.toggle("failed", Boolean(upload.failed));
      return entry;
    }

    #showState() {
      const { face, title, state, notice, queue, human, typing, panel } = this.#parts;
      const t = this.#t;
      const { owner, agent, queue: place } = this.#standing;
      const person = owner === "agent" ? this.#people[agent] : null;
      const line = this.#line?.state ?? "connecting";
      const retry = h("button", { type: "button", class: "link", click: () => this.#line.hurry() }, t.retryNow);
      const shown = line === "offline" ? [t.offlineNotice, retry] : [this.#notice];
      if (notice.dataset.shown !== shown[0]) {
        notice.replaceChildren(...shown);
        notice.dataset.shown = shown[0];
      }
      panel.dataset.line = line;
      if (state.dataset.typing !== "true") state.textContent = line === "ready" ? t[owner] : t[line];
      human.disabled = owner !== "bot";
      typing.classList.toggle("agent", owner === "agent");
      const called = person?.name ?? (this.getAttribute("heading") || t.heading);
      if (title.textContent !== called || !face.hasChildNodes()) {
        title.textContent = called;
        face.replaceChildren(person ? portrait(person) : icon("face"));
      }
      const told = owner === "queue" && place ? this.#placeOf(place) : "";
      if (queue.textContent !== told) queue.textContent = told;
      this.#drawOutbox();
    }

    #placeOf({ position, wait_minutes: minutes, opens_at: opens }) {
      const t = this.#t;
      if (opens) return t.closed(this.#when(opens));
      return t.ahead(position - 1) + (minutes > 0 ? t.wait(minutes) : "");
    }

    /** Under the newest of the shopper's words that the agent has read. */
    #showSeen() {
      const { events } = this.#parts;
      const { seen = 0, owner } = this.#standing;
      events.querySelector(".seen")?.remove();
      if (owner !== "agent") return;
      const newest = this.#events.findLast((event) => event.from === "shopper" && event.id <= seen);
      const entry = newest && events.querySelector(`[data-event="${newest.id}"]`);
      entry?.append(h("div", { class: "mark seen" }, this.#t.seen));
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
        this.#standing.owner !== "bot" ||
        outbox.hasChildNodes() ||
        this.#events.some((event) => event.from === "shopper");
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
      this.#confirmSoon();
    }

    /** Tell the server what this device has, and what was looked at. */
    #confirmSoon() {
      this.#confirming ??= setTimeout(() => {
        this.#confirming = null;
        const kind = this.isOpen && !document.hidden ? "read" : "delivered";
        if (this.#last <= Math.max(this.#confirmed.read, this.#confirmed[kind])) return;
        if (this.#line?.tell({ type: kind, event: this.#last })) this.#confirmed[kind] = this.#last;
      }, CONFIRM_AFTER_MS);
    }

    #showUnread() {
      const { badge, launcher } = this.#parts;
      const { seen } = this.#memory.read();
      const unread = this.#events.filter((event) => event.id > seen && event.from !== "shopper").length;
      badge.hidden = !unread;
      badge.textContent = unread > 99 ? "99+" : unread;
      launcher.setAttribute("aria-label", unread ? this.#t.launchUnread(unread) : this.#t.launch);
      this.#showTitle(unread);
    }

    /** The number of unread lines before the page's own title. */
    #showTitle(unread) {
      const own = document.title.startsWith(this.#counted) ? document.title.slice(this.#counted.length) : document.title;
      this.#counted = unread ? `(${unread}) ` : "";
      if (document.title !== this.#counted + own) document.title = this.#counted + own;
    }

    #typed() {
      const { value } = this.#parts.input;
      this.#memory.update((record) => (record.draft = value));
      this.#grow();
      const moment = value ? Date.now() : 0;
      if (this.#standing.owner === "bot" || moment - this.#typedAt < TYPING_EVERY_MS && value) return;
      if (this.#typedAt || value) this.#line?.tell({ type: "typing", on: Boolean(value) });
      this.#typedAt = moment;
    }

    #grow() {
      const { input, limit, send } = this.#parts;
      input.style.height = "auto";
      if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight + 2, 132)}px`;
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
    .portrait { display: inline-grid; place-items: center; flex: none; width: 20px; height: 20px; border-radius: 50%;
      background: #8a6d3b; color: #fff; font-size: 11px; line-height: 1; font-weight: 600; }
    .face .portrait { width: 40px; height: 40px; border-radius: 13px; font-size: 20px; }
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
    .queue:not(:empty) { display: flex; align-items: center; gap: 8px; color: var(--accent); font-weight: 600; }
    .queue:not(:empty)::before { content: ""; flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--brand);
      animation: breathe 1.3s infinite; }

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
    .label { display: flex; align-items: center; gap: 6px; color: var(--soft); font-size: 12px; line-height: 1; }
    .photo { position: relative; display: grid; place-items: center; width: 200px; height: 150px; border-radius: 16px; overflow: hidden;
      background: var(--tint); color: var(--soft); }
    .photo img { position: absolute; width: 100%; height: 100%; object-fit: cover; }
    .outbox .photo img { opacity: .6; }
    .viewer { position: absolute; inset: 0; z-index: 1; display: grid; place-items: center; padding: 12px; background: rgb(20 14 10 / .92);
      cursor: zoom-out; }
    .viewer img { max-width: 100%; max-height: 100%; border-radius: 8px; }
    .viewer .close { position: absolute; top: 12px; right: 12px; background: rgb(0 0 0 / .5); color: #fff; }
    .stars { display: flex; gap: 4px; }
    .stars button { display: grid; place-items: center; width: 44px; height: 44px; border-radius: 50%; color: var(--soft); }
    .stars svg { width: 30px; height: 30px; stroke-width: 1.4; transition: fill .15s; }
    .stars .lit { color: #c98a12; }
    .stars .lit svg { fill: #f0b429; }
    .stars button:hover { background: var(--tint); }
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
    .article { display: flex; align-items: center; gap: 8px; max-width: 100%; padding: 7px 14px 7px 10px; border-radius: 12px;
      background: var(--card); box-shadow: 0 0 0 1px var(--line); color: var(--soft); font-size: 13px; line-height: 1.45;
      text-decoration: none; }
    .article svg { width: 18px; height: 18px; color: var(--accent); }
    .article:hover { background: var(--tint); color: var(--accent); }
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

    form { display: grid; grid-template-columns: auto 1fr auto; gap: 0 6px; align-items: end; padding: 10px 12px;
      padding-bottom: calc(12px + env(safe-area-inset-bottom)); background: var(--card); border-top: 1px solid var(--line); }
    textarea { display: block; width: 100%; height: 44px; padding: 9px 16px; border: 1px solid var(--line); border-radius: 22px;
      background: var(--paper); font-size: 16px; line-height: 24px; resize: none; scrollbar-width: none; }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    textarea:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
    .send { display: grid; place-items: center; width: 44px; height: 44px; border-radius: 50%; background: var(--brand);
      color: #fff; transition: opacity .15s; }
    .send:hover:not(:disabled) { background: var(--brand-deep); }
    .send:disabled { opacity: .4; }
    .attach { display: grid; place-items: center; width: 40px; height: 44px; border-radius: 12px; color: var(--soft); }
    .attach:hover { background: var(--tint); color: var(--accent); }
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
